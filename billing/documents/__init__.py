"""Bills and receipts on paper: PDF, A4, in the reader's language."""

from billing.documents.bill import bill_pdf
from billing.documents.receipt import receipt_pdf

__all__ = ["bill_pdf", "receipt_pdf"]
