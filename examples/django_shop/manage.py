"""A shop in Django. `python manage.py migrate`, then `python manage.py runserver`: it runs on a sandbox of its own."""

import os
import sys

from django.core.management import execute_from_command_line

from dollr_async.sandbox import SandboxThread

SANDBOX = {"DOLLR_CLIENT_ID": "shop", "DOLLR_CLIENT_SECRET": "made up", "DOLLR_BASE_URL": "http://127.0.0.1:8077"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    if "DOLLR_CLIENT_ID" not in os.environ:
        os.environ.update(SANDBOX)
        # The process that serves is started again at each change of a file. The sandbox stays in the one above it.
        if sys.argv[1:2] == ["runserver"] and "RUN_MAIN" not in os.environ:
            SandboxThread(port=8077, client_id="shop", client_secret="made up").start()  # noqa: S106 - as above
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
