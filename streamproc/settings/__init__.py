"""What an installation can set, and how it is read from the environment."""

from streamproc.settings.model import PLANS, PREFIX, STAND_IN_KEY, UPSTREAMS, Settings
from streamproc.settings.reading import ENV_FILE, describe, load_settings, secrets_in, settings_in

__all__ = [
    "ENV_FILE",
    "PLANS",
    "PREFIX",
    "STAND_IN_KEY",
    "UPSTREAMS",
    "Settings",
    "describe",
    "load_settings",
    "secrets_in",
    "settings_in",
]
