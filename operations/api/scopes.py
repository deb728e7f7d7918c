"""What a token may do. A browser's session may do whatever its user may; a token only what it was made for."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.selectors import tokens
from core.errors import HallError
from operations import registry
from operations.registry import Operation

READ, PAY, OPERATE = "read", "pay", "operate:"
ANY = "any"  # every token that works


class InsufficientScope(HallError):
    code = "INSUFFICIENT_SCOPE"
    message = _("这个令牌没有所需的权限：%(scope)s")
    status = 403


class TokenWithoutScopes(HallError):
    code = "TOKEN_WITHOUT_SCOPES"
    message = _("这个令牌是旧式的，没有注明权限，不能再用；请在「我的令牌」页停用后新建")
    status = 403


def of_operation(code: str) -> str:
    """The scope that lets a token have this operation done; raises NotFound."""
    return operation_scope(registry.get(code))


def operation_scope(operation: Operation) -> str:
    return PAY if operation.takes_money else OPERATE + operation.code


def everything() -> list[str]:
    """All scopes that there are, in the order to offer them."""
    found = dict.fromkeys(operation_scope(operation) for operation in registry.everything())
    return [READ, PAY, *(scope for scope in found if scope != PAY)]


def require(request: Request, wanted: str) -> None:
    """Returns for a browser's session and for a token of this scope. Raises TokenWithoutScopes, InsufficientScope."""
    if not isinstance(request.auth, AuthToken):
        return
    details = tokens.details(request.auth.pk)
    if details is None:  # from before scopes: nobody said what it may do, so it may nothing
        raise TokenWithoutScopes()
    if wanted != ANY and wanted not in details.scopes:
        raise InsufficientScope(scope=wanted)


class HasScope(BasePermission):
    """A view names its scope in `scope`, or by `scope_of(code)`. One that names none is closed to tokens."""

    def has_permission(self, request: Request, view: Any) -> bool:
        require(request, _wanted(view))
        return True


def _wanted(view: Any) -> str:
    if "code" in view.kwargs:
        return of_operation(view.kwargs["code"])
    return str(getattr(view, "scope", "none"))
