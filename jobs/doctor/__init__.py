"""What `flask doctor` finds out about an installation, also one that can't start."""

from jobs.doctor.examination import examine
from jobs.doctor.finding import Finding

__all__ = ["Finding", "examine"]
