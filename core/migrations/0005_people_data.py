from django.db import migrations

# Not a model: nobody looks at it or writes to it but core.limits. Unlogged, because a limit forgotten by a crash is
# cheaper than the log of every request; half full, so that its rows are changed in place.
_MAKE = """
    CREATE UNLOGGED TABLE core_limit (key text PRIMARY KEY, free_at double precision NOT NULL) WITH (fillfactor = 50)"""


class Migration(migrations.Migration):
    dependencies = [("core", "0004_people")]
    operations = [migrations.RunSQL(_MAKE, "DROP TABLE core_limit")]
