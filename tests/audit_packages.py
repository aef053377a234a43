"""`make check` asks here whether a locked package is known to be vulnerable.

Where the list of advisories can't be had, one sentence says so and nothing fails; part of a list
is no list, so packages that could not be looked up are named.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKED = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
WAIT_S = 10  # for the service that has the advisories
NAMED = 10
_NOT_REACHED = re.compile("onnect|Timeout|ServiceError")  # in words of pip-audit and of requests


def audit(files: tuple[Path, ...] = LOCKED, *options: str) -> tuple[int, str]:
    """What pip-audit finds: the code to exit with and what to say.

    Parameters
    ----------
    files : tuple of Path
        Locked requirements.
    options : str
        Of pip-audit, such as where to ask.
    """
    named = [argument for file in files for argument in ("-r", str(file))]
    command = [sys.executable, "-m", "pip_audit", *named, "--disable-pip", "--require-hashes"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", str(WAIT_S)]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        if _NOT_REACHED.search(done.stderr):
            return 0, "packages were not audited: the list of advisories can't be reached"
        return 1, f"pip-audit failed:\n{done.stderr[-2_000:]}"
    return _verdict(packages)


def _verdict(packages: list[dict]) -> tuple[int, str]:
    vulnerable = [package for package in packages if package.get("vulns")]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if vulnerable:
        return 1, "\n".join(map(_told, vulnerable))
    if len(skipped) == len(packages):
        return 0, "packages were not audited: the list of advisories can't be reached"
    said = f"{len(packages) - len(skipped)} packages have no known vulnerability"
    if skipped:
        said += f"; {len(skipped)} could not be looked up: {', '.join(skipped[:NAMED])}"
    return 0, said


def _told(package: dict) -> str:
    found = [
        f"{each['id']} (mended in {', '.join(each['fix_versions']) or 'no version yet'})"
        for each in package["vulns"]
    ]
    return f"{package['name']} {package['version']}: {', '.join(found)}"


if __name__ == "__main__":
    code, said = audit()
    print(said)
    sys.exit(code)
