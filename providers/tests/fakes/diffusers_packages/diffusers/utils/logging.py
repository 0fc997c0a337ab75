"""As much as is asked for."""


def set_verbosity_error():
    pass


def disable_progress_bar():
    pass
