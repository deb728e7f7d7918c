"""What people are told while an account is in arrears, and after. `notices.seeds` puts it in.

Each says how much, since when, what happens on which day, how to prevent it, and where to ask.
"""

# code, title and text in Chinese, title and text in English; every channel but letters says this.
TOLD = [
    (
        "bill_due_soon",
        "账单即将到期",
        "尾号 {{ account_tail }} 的户号应缴 {{ amount }}，请在 {{ due_on }} 或之前缴清：{{ url }}。"
        "已缴请忽略；有疑问请致电 {{ help_line }}。",
        "Your bill is due soon",
        "{{ amount }} is due for the account ending in {{ account_tail }}. Please pay by {{ due_on }}: {{ url }} "
        "Paid already? Ignore this. Questions: {{ help_line }}.",
    ),
    (
        "bill_overdue",
        "账单已逾期",
        "尾号 {{ account_tail }} 的户号欠费 {{ amount }}，{{ due_on }} 已到期。{{ suspend_on }} 起未缴清可能停机。"
        "缴费、申请延期或提出异议：{{ url }}，电话 {{ help_line }}。",
        "Your bill is overdue",
        "{{ amount }} of the account ending in {{ account_tail }} was due on {{ due_on }}. Unpaid, service may stop "
        "from {{ suspend_on }}. Pay, ask for more time or dispute it: {{ url }} or {{ help_line }}.",
    ),
    (
        "debt_overdue",
        "欠费待缴清",
        "尾号 {{ account_tail }} 的户号欠费 {{ amount }}，{{ due_on }} 已到期。逾期按规则计收违约金，欠费将依法追缴。"
        "缴费或提出异议：{{ url }}，电话 {{ help_line }}。已缴请忽略。",
        "Your debt is overdue",
        "{{ amount }} of the account ending in {{ account_tail }} was due on {{ due_on }}. Late fees go on by rule, "
        "and the debt is pursued. Pay or dispute it: {{ url }} or {{ help_line }}. Paid already? Ignore this.",
    ),
    (
        "suspension_ahead",
        "停机预告",
        "尾号 {{ account_tail }} 的户号欠费 {{ amount }}（{{ due_on }} 到期），未缴清最早 {{ suspend_on }} 停机，"
        "紧急呼叫不受影响。缴费、申请延期或提出异议：{{ url }}，电话 {{ help_line }}。",
        "Service will be suspended",
        "{{ amount }} of the account ending in {{ account_tail }} is unpaid since {{ due_on }}. Service stops on "
        "{{ suspend_on }} at the earliest; emergency calls go on. Pay, ask for more time or dispute it: {{ url }} or "
        "{{ help_line }}.",
    ),
    (
        "suspension_tomorrow",
        "明日可能停机",
        "尾号 {{ account_tail }} 的户号欠费 {{ amount }}（{{ due_on }} 到期），未缴清将于 {{ suspend_on }} 停机。"
        "现在缴清就不会停机：{{ url }}，电话 {{ help_line }}。",
        "Service stops tomorrow",
        "{{ amount }} of the account ending in {{ account_tail }} is unpaid since {{ due_on }}. Service stops on "
        "{{ suspend_on }}. Pay now and it does not: {{ url }} or {{ help_line }}.",
    ),
    (
        "suspended",
        "已停机",
        "尾号 {{ account_tail }} 的户号因欠费 {{ amount }} 已于 {{ suspended_on }} 停机，紧急呼叫仍可拨打。"
        "缴清后自动恢复：{{ url }}。仍未缴清，最早 {{ disconnect_on }} 拆机收号，届时会再通知。电话 {{ help_line }}。",
        "Service is suspended",
        "Service of the account ending in {{ account_tail }} stopped on {{ suspended_on }}: {{ amount }} is unpaid. "
        "Emergency calls work. Pay and it comes back by itself: {{ url }} Unpaid, it is disconnected on "
        "{{ disconnect_on }} at the earliest, and you are told before. Questions: {{ help_line }}.",
    ),
    (
        "restored",
        "已恢复服务",
        "尾号 {{ account_tail }} 的户号，服务已于 {{ day }} 恢复。如仍不能使用，请致电 {{ help_line }}。"
        "账单和缴费：{{ url }}",
        "Service is back",
        "Service of the account ending in {{ account_tail }} is back since {{ day }}. If it does not work, call "
        "{{ help_line }}. Bills: {{ url }}",
    ),
    (
        "held_back",
        "欠费处理暂缓",
        "尾号 {{ account_tail }} 的户号欠费 {{ amount }}。因{{ holds }}，暂不停机、不拆机，暂缓至：{{ until }}。"
        "之后仍未缴清会继续处理。详情：{{ url }}，电话 {{ help_line }}。",
        "Nothing happens for now",
        "{{ amount }} of the account ending in {{ account_tail }} is unpaid. Nothing is suspended or disconnected for "
        "now. Reason: {{ holds }}. Until: {{ until }}. If it is still unpaid then, it goes on. {{ url }} or "
        "{{ help_line }}.",
    ),
    (
        "promise_made",
        "延期缴费已受理",
        "尾号 {{ account_tail }} 的户号已延期缴费（{{ number }}），请在 {{ until }} 当天或之前缴清 {{ amount }}，"
        "此前不停机、不拆机。缴费：{{ url }}，电话 {{ help_line }}。",
        "You have more time to pay",
        "The account ending in {{ account_tail }} has more time ({{ number }}): please pay {{ amount }} on or before "
        "{{ until }}. Until then nothing is suspended or disconnected. Pay: {{ url }} or {{ help_line }}.",
    ),
    (
        "promise_broken",
        "延期已到期",
        "尾号 {{ account_tail }} 的户号延期至 {{ until }}，仍欠 {{ amount }}。未缴清最早 {{ suspend_on }} 停机。"
        "请尽快缴费：{{ url }}，有困难请致电 {{ help_line }}。",
        "Your extra time is over",
        "The extra time of the account ending in {{ account_tail }} ended on {{ until }}; {{ amount }} is still "
        "unpaid. Service stops on {{ suspend_on }} at the earliest. Please pay: {{ url }} If you cannot, call "
        "{{ help_line }}.",
    ),
    (
        "disconnection_ahead",
        "拆机预告",
        "尾号 {{ account_tail }} 的户号 {{ suspended_on }} 起停机，欠费 {{ amount }}。未缴清最早 {{ disconnect_on }} "
        "拆机，号码收回。缴清即恢复服务：{{ url }}。有异议或困难请致电 {{ help_line }}。",
        "Your line will be disconnected",
        "The account ending in {{ account_tail }} is suspended since {{ suspended_on }}; {{ amount }} is unpaid. "
        "Unpaid, it is disconnected on {{ disconnect_on }} at the earliest and loses its number. Pay and service comes "
        "back: {{ url }} Dispute or hardship: {{ help_line }}.",
    ),
    (
        "disconnection_tomorrow",
        "明日可能拆机",
        "最后提醒：尾号 {{ account_tail }} 的户号 {{ suspended_on }} 起停机，欠费 {{ amount }}，未缴清将于 "
        "{{ disconnect_on }} 拆机、收回号码。现在缴清就不会拆机：{{ url }}，电话 {{ help_line }}。",
        "Your line will be disconnected tomorrow",
        "Last reminder: the account ending in {{ account_tail }} is suspended since {{ suspended_on }}; {{ amount }} "
        "is unpaid. It is disconnected on {{ disconnect_on }} and loses its number. Pay now and it does not: {{ url }} "
        "or {{ help_line }}.",
    ),
    (
        "family_suspension_ahead",
        "为您付费的户号欠费，可能停机",
        "为尾号 {{ account_tail }} 的户号付费的另一户尚未缴清，您的服务最早 {{ suspend_on }} 停机，紧急呼叫不受影响。"
        "请提醒对方缴清，或改为自己付费：{{ url }}，电话 {{ help_line }}。",
        "Service may be suspended: your payer has not paid",
        "Whoever pays for the account ending in {{ account_tail }} has not paid. Your service stops on "
        "{{ suspend_on }} at the earliest; emergency calls go on. Please ask them to pay, or pay for yourself: "
        "{{ url }} or {{ help_line }}.",
    ),
    (
        "family_suspended",
        "为您付费的户号欠费，已停机",
        "为尾号 {{ account_tail }} 的户号付费的另一户欠费，您的服务已于 {{ suspended_on }} 停机，紧急呼叫仍可拨打。"
        "对方缴清后自动恢复。仍未缴清，最早 {{ disconnect_on }} 拆机收号，届时会再通知：{{ url }}，"
        "电话 {{ help_line }}。",
        "Service is suspended: your payer has not paid",
        "Whoever pays for the account ending in {{ account_tail }} has not paid: your service stopped on "
        "{{ suspended_on }}. Emergency calls work. It comes back by itself once they pay. Unpaid, it is disconnected "
        "on {{ disconnect_on }} at the earliest, and you are told before: {{ url }} or {{ help_line }}.",
    ),
    (
        "family_disconnection_ahead",
        "为您付费的户号欠费，可能拆机",
        "为尾号 {{ account_tail }} 的户号付费的另一户欠费，您的服务 {{ suspended_on }} 起停机，最早 "
        "{{ disconnect_on }} 拆机，号码收回。请提醒对方缴清，或尽快与我们商量改为自己付费：{{ url }}，"
        "电话 {{ help_line }}。",
        "Your line will be disconnected: your payer has not paid",
        "Whoever pays for the account ending in {{ account_tail }} has not paid: your service is suspended since "
        "{{ suspended_on }}, is disconnected on {{ disconnect_on }} at the earliest and loses its number. Please ask "
        "them to pay, or talk to us about paying for yourself: {{ url }} or {{ help_line }}.",
    ),
    (
        "family_disconnected",
        "为您付费的户号欠费，已拆机",
        "为尾号 {{ account_tail }} 的户号付费的另一户欠费，{{ service }} 已于 {{ day }} 拆机。{{ keep_until }} 及以前"
        "可以恢复原号码：{{ url }}。有误请致电 {{ help_line }}。",
        "Your line was disconnected: your payer did not pay",
        "Whoever pays for the account ending in {{ account_tail }} did not pay: {{ service }} was disconnected on "
        "{{ day }}. Up to and including {{ keep_until }} the number can be had back: {{ url }} If this was wrong, call "
        "{{ help_line }}.",
    ),
    (
        "disconnected",
        "已拆机",
        "尾号 {{ account_tail }} 的户号欠费 {{ amount }}，{{ service }} 已于 {{ day }} 拆机。"
        "{{ keep_until }} 及以前缴清并选择在售套餐可恢复原号码：{{ url }}。欠费仍须缴清。"
        "有误请致电 {{ help_line }}。",
        "Your line was disconnected",
        "Account ending in {{ account_tail }}: {{ service }} was disconnected on {{ day }}; {{ amount }} is unpaid "
        "and stays due. Up to and including {{ keep_until }} you get the number back by paying and choosing a current "
        "offer: {{ url }} If this was wrong, call {{ help_line }}.",
    ),
    (
        "debt_remains",
        "欠费仍待缴清",
        "尾号 {{ account_tail }} 的户号已拆机，仍欠 {{ amount }}，违约金按规则继续计算。缴费、查看账单或提出异议："
        "{{ url }}，电话 {{ help_line }}。已缴请忽略。",
        "Your debt is still open",
        "The line of the account ending in {{ account_tail }} was disconnected; {{ amount }} is still unpaid, and late "
        "fees go on by rule. Pay, see the bills or dispute them: {{ url }} or {{ help_line }}. Paid already? Ignore "
        "this.",
    ),
    (
        "number_restored",
        "号码已恢复",
        "尾号 {{ account_tail }} 的户号：{{ service }} 已于 {{ day }} 恢复使用。如非您办理，请致电 {{ help_line }}。"
        "详情：{{ url }}",
        "Your number is back",
        "Account ending in {{ account_tail }}: {{ service }} is yours again since {{ day }}. If you did not ask for "
        "it, call {{ help_line }}. Details: {{ url }}",
    ),
    (
        "escalation_opened",
        "升级投诉已立案",
        "尾号 {{ account_tail }} 户号的升级投诉已立案（{{ number }}），最迟 {{ until }} 答复。进度：{{ url }}，"
        "电话 {{ help_line }}。",
        "Your complaint is taken up",
        "Your escalated complaint about the account ending in {{ account_tail }} is open as {{ number }} and is "
        "answered by {{ until }}. Progress: {{ url }} or {{ help_line }}.",
    ),
    (
        "escalation_answered",
        "升级投诉已答复",
        "尾号 {{ account_tail }} 户号的升级投诉 {{ number }} 已有答复，请查看：{{ url }}。对答复不满意请致电 "
        "{{ help_line }}，也可向监管部门申诉。",
        "Your complaint is answered",
        "Your escalated complaint {{ number }} about the account ending in {{ account_tail }} is answered: {{ url }} "
        "If you do not agree, call {{ help_line }} or turn to the regulator.",
    ),
]
# code, language, title, text: a letter stands alone, and may be the only thing that reaches somebody.
LETTERS = [
    (
        "suspension_ahead",
        "zh-hans",
        "停机预告",
        """尊敬的客户：

您尾号 {{ account_tail }} 的户号有 {{ amount }} 未缴，缴费截止日为 {{ due_on }}。

如果一直没有缴清，我们最早将于 {{ suspend_on }} 停机。停机期间紧急呼叫不受影响。

怎样避免：在 {{ suspend_on }} 以前缴清。可以登录 {{ url }} 缴费、申请延期或提出异议，也可以到任一营业厅办理。

对账单有异议、缴费有困难，或者已经缴清，请致电 {{ help_line }}。异议处理期间不会停机。""",
    ),
    (
        "suspension_ahead",
        "en",
        "Service will be suspended",
        """Dear customer,

{{ amount }} is unpaid on the account ending in {{ account_tail }}. It was due on {{ due_on }}.

If it stays unpaid, we will suspend service on {{ suspend_on }} at the earliest. Emergency calls go on.

How to prevent it: pay before {{ suspend_on }}. At {{ url }} or in any of our halls you can pay, ask for more time or
dispute the bill.

If you dispute the bill, cannot pay, or have paid already, please call {{ help_line }}. While a dispute is open, nothing
is suspended.""",
    ),
    (
        "disconnection_ahead",
        "zh-hans",
        "拆机预告",
        """尊敬的客户：

您尾号 {{ account_tail }} 的户号自 {{ suspended_on }} 起因欠费停机，至今仍欠 {{ amount }}。

如果一直没有缴清，我们最早将于 {{ disconnect_on }} 拆机并收回号码。拆机以后，欠费仍须缴清。

怎样避免：在 {{ disconnect_on }} 以前缴清欠费，服务会自动恢复。可以登录 {{ url }}，也可以到任一营业厅缴费。

对账单有异议、缴费有困难，或者已经缴清，请致电 {{ help_line }}。异议处理期间不会拆机。""",
    ),
    (
        "disconnection_ahead",
        "en",
        "Your line will be disconnected",
        """Dear customer,

The account ending in {{ account_tail }} has been suspended since {{ suspended_on }}. {{ amount }} is still unpaid.

If it stays unpaid, we will disconnect the line on {{ disconnect_on }} at the earliest and take the number back. What
is owed stays due after that.

How to prevent it: pay before {{ disconnect_on }}, and service comes back by itself. You can pay at {{ url }} or in any
of our halls.

If you dispute the bill, cannot pay, or have paid already, please call {{ help_line }}. While a dispute is open, nothing
is disconnected.""",
    ),
]
