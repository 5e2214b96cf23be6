"""The addresses."""

from django.contrib import admin
from django.urls import path

from shop import views

urlpatterns = [
    path("", views.home),
    path("checkout/", views.checkout, name="checkout"),
    path("status/<int:pk>/", views.status, name="status"),
    path("admin/", admin.site.urls),
]
