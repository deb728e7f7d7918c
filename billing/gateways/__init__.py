"""Payment gateways: the protocols of Alipay and its like, over plain values.

Nothing in here knows a model, a request object or a transaction. `registry` is the only module that reads settings.
"""
