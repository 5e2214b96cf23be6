from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("name", models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                ("until", models.FloatField(editable=False)),
            ],
            options={
                "verbose_name": "worker",
                "verbose_name_plural": "workers",
                "db_table": "dollr_worker",
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "reference_id",
                    models.UUIDField(editable=False, primary_key=True, serialize=False, verbose_name="reference"),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("COLLECTION", "collection"),
                            ("PAYOUT", "payout"),
                            ("TRANSFER", "transfer"),
                            ("REFUND", "refund"),
                        ],
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                ("began_at", models.DateTimeField(verbose_name="began at")),
                ("updated_at", models.DateTimeField(verbose_name="updated at")),
                ("step", models.TextField(blank=True, verbose_name="last step")),
                ("source_type", models.TextField(blank=True, null=True, verbose_name="type of the document")),
                ("source_id", models.BigIntegerField(blank=True, null=True, verbose_name="id of the document")),
                ("source_number", models.TextField(blank=True, null=True, verbose_name="number of the document")),
                ("party_id", models.BigIntegerField(blank=True, null=True, verbose_name="party")),
                ("counterparty_id", models.BigIntegerField(blank=True, null=True, verbose_name="counterparty")),
                ("payment_account_id", models.BigIntegerField(blank=True, null=True, verbose_name="payment account")),
                ("session_id", models.BigIntegerField(blank=True, null=True, verbose_name="session")),
                ("session_expires_at", models.DateTimeField(blank=True, null=True, verbose_name="end of the session")),
                ("payer_currency", models.TextField(blank=True, null=True, verbose_name="currency of the payer")),
                ("sends", models.IntegerField(default=0, verbose_name="sends of the execution")),
                ("session_sends", models.IntegerField(default=0, verbose_name="sends in this session")),
                ("is_renewed", models.BooleanField(default=False, verbose_name="session was renewed")),
                ("in_doubt", models.BooleanField(default=False, verbose_name="in doubt")),
                ("is_contested", models.BooleanField(default=False, verbose_name="contested")),
                ("status", models.TextField(blank=True, null=True, verbose_name="status")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("COMPLETED", "completed"), ("FAILED", "failed"), ("REFUSED", "did not run")],
                        max_length=16,
                        null=True,
                        verbose_name="outcome",
                    ),
                ),
                ("terms_key_id", models.CharField(max_length=64, verbose_name="key of the terms")),
                ("terms_digest", models.CharField(max_length=128, verbose_name="digest of the terms")),
                ("terms_amount", models.TextField(verbose_name="amount")),
                ("terms_currency", models.TextField(blank=True, null=True, verbose_name="currency")),
                ("terms_lines", models.TextField(blank=True, verbose_name="amounts of the lines")),
                ("lease_number", models.BigIntegerField(default=0, editable=False)),
                ("lease_until", models.FloatField(editable=False, null=True)),
                ("follower", models.CharField(editable=False, max_length=64, null=True)),
                ("check_at", models.FloatField(default=0.0, editable=False)),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                ("handled_at", models.DateTimeField(blank=True, null=True, verbose_name="handled at")),
                ("hand_out_number", models.BigIntegerField(default=0, editable=False)),
                ("hand_out_until", models.FloatField(editable=False, null=True)),
                ("reason", models.TextField(blank=True, null=True, verbose_name="reason of a person's verdict")),
            ],
            options={
                "verbose_name": "payment",
                "verbose_name_plural": "payments",
                "db_table": "dollr_payment",
                "ordering": ("-began_at", "-reference_id"),
                "indexes": [
                    models.Index(models.F("began_at"), models.F("reference_id"), name="dollr_began"),
                    models.Index(
                        models.F("began_at"),
                        models.F("reference_id"),
                        condition=models.Q(("outcome__isnull", True)),
                        name="dollr_open",
                    ),
                    models.Index(
                        models.F("source_id"),
                        condition=models.Q(("outcome__isnull", True), ("source_id__isnull", False)),
                        name="dollr_open_of_source",
                    ),
                    models.Index(
                        models.F("check_at"),
                        models.F("began_at"),
                        condition=models.Q(("outcome__isnull", True), ("follower__isnull", True), ("sends__gt", 0)),
                        name="dollr_not_followed",
                    ),
                    models.Index(
                        models.F("follower"), condition=models.Q(("follower__isnull", False)), name="dollr_followed"
                    ),
                    models.Index(
                        models.F("ended_at"),
                        models.F("reference_id"),
                        condition=models.Q(("handled_at__isnull", True), ("outcome__isnull", False)),
                        name="dollr_not_handled",
                    ),
                    models.Index(
                        models.F("handled_at"), condition=models.Q(("handled_at__isnull", False)), name="dollr_handled"
                    ),
                ],
            },
        ),
    ]
