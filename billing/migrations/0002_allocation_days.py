from django.db import migrations, models

# Allocations never change by law; here the owner gives the old ones the day on which they were written.
_FILL = """
    ALTER TABLE billing_allocation ADD COLUMN effective_on date;
    ALTER TABLE billing_allocation DISABLE TRIGGER USER;
    UPDATE billing_allocation SET effective_on = (at AT TIME ZONE 'Asia/Shanghai')::date;
    ALTER TABLE billing_allocation ENABLE TRIGGER USER;
    DO $$ DECLARE law name; BEGIN
        FOR law IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'billing_allocation'::regclass AND NOT tgisinternal
        LOOP EXECUTE format('ALTER TABLE billing_allocation ENABLE ALWAYS TRIGGER %I', law); END LOOP;
    END $$;
    ALTER TABLE billing_allocation ALTER COLUMN effective_on SET NOT NULL;"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_numbers")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(_FILL, "ALTER TABLE billing_allocation DROP COLUMN effective_on")
            ],
            state_operations=[
                migrations.AddField("allocation", "effective_on", models.DateField("生效日", default=None)),
                migrations.AlterField("allocation", "effective_on", models.DateField("生效日")),
            ],
        )
    ]
