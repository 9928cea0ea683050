"""What can go wrong, as finished sentences: the fact, the value, the cure."""


class DigitLabError(Exception):
    """A problem worth telling a person; its text is shown as it is."""


class SettingsError(DigitLabError):
    """An environment variable has a value that cannot be used."""


class DataError(DigitLabError):
    """MNIST is missing, damaged or not what it says it is."""


class DataNotReady(DigitLabError):
    """The small sample has not been unpacked yet; a `data` job does that within seconds."""


class ImageError(DigitLabError):
    """A drawing or an upload holds nothing that could be read as a digit."""


class ModelError(DigitLabError):
    """A model family or one of its parameters does not exist or is out of range."""


class RunError(DigitLabError):
    """A run does not exist, or its folder is damaged."""


class TrackingError(DigitLabError):
    """Weights & Biases cannot be reached, refuses, or does not have what it should."""


class JobError(DigitLabError):
    """A job does not exist or cannot be started."""


class AccessError(DigitLabError):
    """Somebody asked for what only the host, or a class within its limits, may do."""


class DrawingError(DigitLabError):
    """A drawing cannot be kept, or a file of drawings is not what it should be."""


class GoalError(DigitLabError):
    """A teacher's link asks for a goal or a lock that cannot be read."""
