"""Every bound of streamproc: its name, its unit (last word of the name) and its reason.

They are declared by subject, each once, and read from here: `limits.WALLETS_MAX`.
"""

from __future__ import annotations

from streamproc.limits.agents import *
from streamproc.limits.analysis import *
from streamproc.limits.console import *
from streamproc.limits.contract import *
from streamproc.limits.engine import *
from streamproc.limits.program import *
from streamproc.limits.store import *
from streamproc.limits.upstream import *
