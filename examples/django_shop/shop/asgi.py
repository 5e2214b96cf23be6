"""For a server that speaks ASGI: `uvicorn shop.asgi:application`. There a status is streamed as it changes."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_asgi_application()
