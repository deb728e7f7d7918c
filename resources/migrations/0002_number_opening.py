# Verbs of opening an account with a number.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("resources", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="numberchange",
            name="verb",
            field=models.CharField(
                choices=[
                    ("HELD", "预占"),
                    ("EXTENDED", "延长预占"),
                    ("RELEASED", "放弃预占"),
                    ("REAL_NAMED", "实名核验"),
                    ("PAID", "费用付清"),
                    ("ASSIGNED", "启用"),
                    ("TAKEN_BACK", "收回并锁定"),
                    ("RESTORED", "恢复给原用户"),
                    ("UNLOCKED", "提前解锁"),
                ],
                max_length=12,
                verbose_name="操作",
            ),
        ),
    ]
