"""What a conversion tells of itself as it goes on, for tests to look at."""

from tflite_api.resource.status import Trial
from tflite_converter.core.progress import LoggedProgress


class RecordedProgress(LoggedProgress):
    """Keeps phases and trials."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.phases: list[str] = []
        self.trials: list[Trial] = []

    def phase(self, text: str) -> None:
        """Keep one."""
        self.phases.append(text)

    def tried(self, trial: Trial) -> None:
        """Keep one."""
        self.trials.append(trial)
