"""The order form, the checkout, and a status that is streamed as it changes."""

from collections.abc import AsyncIterator

from django import forms
from django.core.exceptions import BadRequest
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import aget_object_or_404
from django.template import Context, Engine
from django.urls import reverse

from dollr_async import CollectError, InvalidInputError, LineItem, OutcomeUnknownError, Payer
from dollr_async.integrations.django import dollr
from shop.models import Order

PAGE = Engine().from_string(
    '<!doctype html><html lang="en"><title>Shop</title><h1>Buy a ticket</h1>'
    '<form method="post" action="{{ action }}">{{ form.as_p }}<input type="hidden" name="csrfmiddlewaretoken" '
    'value="{{ token }}"><button>Pay</button></form></html>'
)


class OrderForm(forms.ModelForm):  # type: ignore[type-arg] # it takes it only in its types
    """What a customer enters."""

    class Meta:
        """The fields."""

        model = Order
        fields = ("fullname", "phone", "amount")


async def home(request: HttpRequest) -> HttpResponse:
    """Show the form."""
    context = {"form": OrderForm(), "token": get_token(request), "action": reverse("checkout")}
    return HttpResponse(PAGE.render(Context(context)))


@transaction.non_atomic_requests
async def checkout(request: HttpRequest) -> HttpResponse:
    """Keep the order, then collect for it. The same reference again is never a second charge."""
    form = OrderForm(request.POST)
    if not form.is_valid():
        raise BadRequest(form.errors.as_text())
    order = form.save(commit=False)
    await order.asave()
    try:
        await dollr().collect(
            payer=Payer(order.fullname, order.phone, country_code="LR"),
            items=[LineItem("Ticket", order.amount)],
            currency="USD",
            reference_id=order.reference_id,
        )
    except (CollectError, InvalidInputError) as error:
        raise BadRequest(str(error)) from error
    except OutcomeUnknownError:
        pass  # Not known yet, so never "failed". The status page shows it, and the worker finds out.
    return HttpResponseRedirect(reverse("status", args=[order.pk]))


async def status(request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    """Stream each status of an order's payment, one a line."""
    order = await aget_object_or_404(Order, pk=pk)
    if not isinstance(request, ASGIRequest):  # WSGI, as of `runserver`, cannot stream: show the status of now
        execution = (await dollr().check(order.reference_id)).execution
        return HttpResponse(f"{execution.status if execution else 'not known yet'}\n", content_type="text/plain")

    async def lines() -> AsyncIterator[str]:
        async for change in dollr().watch(order.reference_id):
            yield f"{change.status}\n"

    return StreamingHttpResponse(lines(), content_type="text/plain")
