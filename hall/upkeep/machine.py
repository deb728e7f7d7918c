"""What the status page asks of the broker, the database, the disks, the gateways and the certificates."""

import platform
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import django
import redis
from celery import current_app
from cryptography import x509
from django.conf import settings
from django.db import connection
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from billing.models import CallbackState, GatewayCallback, Payment, PaymentState
from core import pokes
from hall.upkeep import migrating
from hall.upkeep.checks import unusable_files
from hall.upkeep.findings import BAD, OK, WARN, Finding, span
from notices import figures
from notices.models import Delivery, DeliveryState

_DAY = timedelta(days=1)
_FEW = 20  # failed messages in a day that are no sign of anything
_LETTERS_LATE = timedelta(days=3)  # working days are not counted: a weekend is no alarm
_OLD_TRANSACTION = timedelta(minutes=15)
_CERTIFICATE_SOON, _CERTIFICATE_NOW = timedelta(days=30), timedelta(days=7)


def tasks_by_queue() -> dict[str, list[str]]:
    """The tasks of the schedule by the queue that they go to."""
    declared, entries = queues_by_task(), settings.CELERY_BEAT_SCHEDULE
    found: dict[str, list[str]] = {}
    for entry in cast("dict[str, Any]", entries).values():
        task = entry["task"]
        queue = entry.get("options", {}).get("queue") or declared.get(
            task, settings.CELERY_TASK_DEFAULT_QUEUE
        )
        found.setdefault(queue, []).append(task)
    return dict(sorted(found.items()))


def queues_by_task() -> dict[str, str]:
    """The queue that each task of ours declares."""
    current_app.loader.import_default_modules()  # a web process has not needed them so far
    tasks = {name: task for name, task in current_app.tasks.items() if not name.startswith("celery.")}
    default = settings.CELERY_TASK_DEFAULT_QUEUE
    # The attribute of the class: asking the instance for it warns that other ways to declare are newer.
    return {name: vars(type(task)).get("queue") or default for name, task in tasks.items()}


def depth(queue: str) -> int | None:
    """How many tasks lie in a queue of the broker; None: it is away."""
    try:
        return int(pokes.broker().llen(queue))
    except redis.RedisError:
        return None


def gateways(as_of: datetime) -> Iterator[Finding]:
    """Messages that did not arrive, and what the payment gateways make us wait for, of the last day."""
    since = as_of - _DAY
    sent = Delivery.objects.filter(created_at__gte=since).aggregate(
        all=Count("id"), failed=Count("id", filter=Q(state=DeliveryState.FAILED))
    )
    many = sent["failed"] > max(_FEW, sent["all"] // 10)
    yield Finding(
        _("未送达通知（24 小时）"),
        BAD if many else WARN if sent["failed"] else OK,
        f"{sent['failed']} / {sent['all']}",
        mend="messages-wait.md",
    )
    yield from letters_and_receipts(as_of)
    unknown = Payment.objects.filter(state=PaymentState.UNKNOWN).count()
    yield Finding(_("结果未知的支付"), WARN if unknown else OK, str(unknown), mend="gateway-silent.md")
    refused = GatewayCallback.objects.filter(received_at__gte=since, state=CallbackState.REJECTED)
    counts = refused.values("gateway", "verdict").annotate(count=Count("id")).order_by("-count")[:5]
    told = ", ".join(f"{row['gateway']} {row['verdict']} {row['count']}" for row in counts)
    yield Finding(
        _("被拒的支付回调（24 小时）"), WARN if told else OK, str(refused.count()), told, "callback-stuck.md"
    )


def letters_and_receipts(as_of: datetime) -> Iterator[Finding]:
    """Letters that wait for somebody's hands, and messages of which nobody knows what became of them."""
    read = figures.read(as_of)
    for title, count, oldest in (
        (_("待打印的信函"), read.letters_waiting, read.letter_since),
        (_("待登记交寄的清单"), read.lists_to_post, read.list_since),
    ):
        age = as_of - oldest if oldest else timedelta(0)
        tone = BAD if age > _LETTERS_LATE else WARN if age > _DAY else OK
        yield Finding(title, tone, str(count), _("最久已等 %(age)s") % {"age": span(age)}, "letters-wait.md")
    many = read.receipts_missing > max(_FEW, read.sent_in_a_day // 10)
    yield Finding(
        _("没有回执的短信（24 小时）"),
        BAD if many else WARN if read.receipts_missing else OK,
        f"{read.receipts_missing} / {read.sent_in_a_day}",
        mend="receipts-missing.md",
        command="celery -A hall call notices.poll_receipts",
    )


def database(as_of: datetime) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(_DATABASE)
        size, used, most, oldest, behind = cursor.fetchone()
    yield Finding(_("大小"), OK, f"{size / 1_000_000:.0f} MB")
    yield Finding(_("连接"), BAD if used > 0.9 * most else OK, f"{used} / {most}", mend="database-away.md")
    age = timedelta(seconds=float(oldest))
    yield Finding(
        _("最久的事务"), WARN if age > _OLD_TRANSACTION else OK, span(age), mend="migration-blocked.md"
    )
    if behind:
        yield Finding(_("归档失败的日志"), BAD, str(behind), mend="restore-from-backup.md")
    waiting = migrating.pending()
    yield Finding(
        _("未执行的迁移"),
        BAD if waiting else OK,
        str(len(waiting)),
        ", ".join(f"{app}.{name}" for app, name in waiting[:5]),
        "migration-blocked.md",
        "manage.py migrate_safely",
    )


_DATABASE = """
    SELECT pg_database_size(current_database()),
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
           current_setting('max_connections')::int,
           (SELECT coalesce(extract(epoch FROM now() - min(xact_start)), 0) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'),
           (SELECT failed_count FROM pg_stat_archiver
             WHERE last_failed_time > coalesce(last_archived_time, '-infinity'))"""


def disks(as_of: datetime) -> Iterator[Finding]:
    folders: dict[str, Any] = {
        _("程序"): settings.BASE_DIR,
        _("上传文件"): settings.MEDIA_ROOT,
        _("备份"): settings.BACKUP_FOLDER,
    }
    for name, folder in folders.items():
        if folder and Path(folder).exists():
            yield _disk(name, Path(folder))
    for setting, why in unusable_files():
        yield Finding(setting, BAD, _("无法使用"), why, "certificate-ends.md")
    for name in ("WECHATPAY_PLATFORM_CERT_FILE", "TLS_CERT_FILE"):
        if path := getattr(settings, name, ""):
            yield from _certificates(name, Path(path), as_of)


def _disk(name: str, folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    free = usage.free / usage.total
    return Finding(
        name,
        BAD if free < 0.05 else WARN if free < 0.15 else OK,
        _("剩余 %(free)s%%") % {"free": round(100 * free)},
        f"{usage.free / 1_000_000_000:.1f} GB",
        "disk-full.md",
    )


def _certificates(name: str, path: Path, as_of: datetime) -> Iterator[Finding]:
    try:
        data = path.read_bytes()
        found = x509.load_pem_x509_certificates(data) if b"BEGIN CERTIFICATE" in data else []
    except (OSError, ValueError):
        return  # that it cannot be used is told by unusable_files, or by the gateway itself
    for certificate in found:
        left = certificate.not_valid_after_utc - as_of.astimezone(UTC)
        tone = BAD if left < _CERTIFICATE_NOW else WARN if left < _CERTIFICATE_SOON else OK
        figure = _("已过期") if left < timedelta(0) else _("还有 %(left)s") % {"left": span(left)}
        yield Finding(name, tone, figure, f"{certificate.serial_number:x}", "certificate-ends.md")


def versions(as_of: datetime) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = cursor.fetchone()[0]
    try:
        told = pokes.broker().info("server")
        known = told if isinstance(told, dict) else {}
        broker = (
            f"{known.get('server_name', 'redis')} {known.get('valkey_version') or known.get('redis_version')}"
        )
    except redis.RedisError:
        broker = "—"
    for name, version in (
        (_("网上营业厅"), settings.HALL_VERSION or "—"),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("PostgreSQL", server),
        (_("中间件"), broker),
    ):
        yield Finding(name, OK, version)
