"""What keeps a billing account from being closed: each room above names what it still has of it.

@account_obstacles.obstacle
def held(account: BillingAccount, *, as_of: datetime) -> list[Obstacle]: …
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from accounts.models import BillingAccount
from accounts.personal_data import Obstacle

FindObstacles = Callable[..., Sequence[Obstacle]]
_obstacles: list[FindObstacles] = []


def obstacle(find: FindObstacles) -> FindObstacles:
    """Registers what is asked before an account is closed, in the transaction that has it locked."""
    _obstacles.append(find)
    return find


def obstacles(account: BillingAccount, *, as_of: datetime) -> list[Obstacle]:
    """Everything that stands in the way of closing this account, each named; nothing: it can be closed."""
    return [found for find in _obstacles for found in find(account, as_of=as_of)]
