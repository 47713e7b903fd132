"""Each caller's questions that are being answered: never so many that no other caller gets an answer."""

from typing import Final

AT_ONCE_MAX: Final = 2


class QuestionPlaces:
    """Counts questions by caller; who has none is not kept."""

    def __init__(self, at_once_max: int = AT_ONCE_MAX) -> None:
        self._at_once_max = at_once_max
        self._taken: dict[str, int] = {}

    def take(self, principal: str) -> bool:
        """Take a place. Returns whether there was one."""
        taken = self._taken.get(principal, 0)
        if taken >= self._at_once_max:
            return False
        self._taken[principal] = taken + 1
        return True

    def give_back(self, principal: str) -> None:
        """Give a place back that was taken."""
        taken = self._taken.pop(principal) - 1
        if taken:
            self._taken[principal] = taken
