"""The addresses of the shop."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from tests.integrations.django.project import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("sync/", views.sync_checkout),
    path("async/", views.async_checkout),
    path("atomic/", views.atomic_checkout),
    path("status/<uuid:reference_id>/", views.status),
]
