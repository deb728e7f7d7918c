"""All tables of the room, flat by flat; each flat owns its own."""

from catalog.charging.models import BillRun, BillRunFailure, CarriedForward, ChargedMonth, Recharge
from catalog.holdings.families import (
    FAMILY_INVITATION_MACHINE,
    Family,
    FamilyInvitation,
    FamilyMember,
)
from catalog.holdings.models import (
    SUBSCRIPTION_MACHINE,
    Subscription,
    SubscriptionHistory,
    SubscriptionState,
    Suspension,
    Termination,
    TerminationReason,
)
from catalog.offers.models import (
    Offer,
    OfferRelation,
    OfferSeries,
    ProductSpecification,
    ProductType,
    SpecificationFeature,
    Tier,
)
from catalog.offers.prices import Price, PriceException, PriceRule
from catalog.orders.models import (
    ORDER_LINE_MACHINE,
    ORDER_MACHINE,
    LineAction,
    LineState,
    Order,
    OrderHistory,
    OrderLine,
    OrderState,
)
from catalog.pauses.models import Pause, PausePolicy

__all__ = [
    "BillRun",
    "BillRunFailure",
    "CarriedForward",
    "ChargedMonth",
    "FAMILY_INVITATION_MACHINE",
    "Family",
    "FamilyInvitation",
    "FamilyMember",
    "LineAction",
    "LineState",
    "ORDER_LINE_MACHINE",
    "ORDER_MACHINE",
    "Offer",
    "OfferRelation",
    "OfferSeries",
    "Order",
    "OrderHistory",
    "OrderLine",
    "OrderState",
    "Pause",
    "PausePolicy",
    "Price",
    "PriceException",
    "PriceRule",
    "ProductSpecification",
    "ProductType",
    "Recharge",
    "SUBSCRIPTION_MACHINE",
    "SpecificationFeature",
    "Subscription",
    "SubscriptionHistory",
    "SubscriptionState",
    "Suspension",
    "Termination",
    "TerminationReason",
    "Tier",
]
