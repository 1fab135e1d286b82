"""States of deliveries, and why a subscription was switched off."""

from __future__ import annotations

from django.db import models


class DeliveryStatus(models.TextChoices):
    PENDING = "pending"  # to be sent, again or for the first time, or behind an earlier one of its order
    DELIVERED = "delivered"  # answered with 2xx
    FAILED = "failed"  # given up


ENDED = (DeliveryStatus.DELIVERED, DeliveryStatus.FAILED)


class Off(models.TextChoices):
    """Why a subscription is switched off; empty where it never was, or was made so."""

    BY_HAND = "by_hand"
    FAILING = "failing"  # nothing was taken for too long
    GONE = "gone"  # it answered 410
