"""What can go wrong for a user, each with one sentence that says what to do."""


class FrontendError(Exception):
    """Base of every error that the caller or the caller's files can cause."""


def describe(error: Exception) -> str:
    """A sentence about any error: its own if it has one, else what it is called and says."""
    return str(error) if isinstance(error, FrontendError) else f"{type(error).__name__}: {error}"


class ConfigError(FrontendError):
    """A setting is unknown, of the wrong type or impossible."""


class SequenceError(FrontendError):
    """A recording is missing, incomplete or of another layout than asked for."""


class WeightsError(FrontendError):
    """A checkpoint is missing, damaged or of another network."""


class PluginError(FrontendError):
    """A registered extractor, matcher or reader can't be found or loaded."""


class MissingDependency(FrontendError):
    """An optional package is needed and not installed."""


class OutputError(FrontendError):
    """A result can't be written where it was asked for."""


class ViewerError(FrontendError):
    """There is no way to draw in three dimensions here."""
