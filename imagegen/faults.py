"""Named points at which a test may kill the process.

`faultpoint("spooled")` does nothing unless the environment variable `FAULTPOINT` holds that
name; then the process kills itself, as a power cut would. A system check refuses it elsewhere.
"""

import os
import signal

VARIABLE = "FAULTPOINT"


def faultpoint(name: str) -> None:
    """Kill this process here if a test asked for it; otherwise do nothing."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
