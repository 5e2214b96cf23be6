"""The orders in the admin. The payments have an admin of their own."""

from django.contrib import admin

from shop.models import Order

admin.site.register(Order)
