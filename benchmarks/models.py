from django.db import models


class BareRow(models.Model):
    """What the bare view writes: a callback-sized row in a table with one index."""

    objects: models.Manager["BareRow"] = models.Manager()

    reference = models.CharField(max_length=64, db_index=True)
    body = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        app_label = "benchmarks"  # so that tests of benchmarks may import them where the app is not installed

    def __str__(self) -> str:
        return self.reference
