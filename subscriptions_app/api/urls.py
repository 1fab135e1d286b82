from django.urls import path

from subscriptions_app.api.views import (
    DeliveryDetail,
    DeliveryList,
    DeliveryResend,
    SecretRotation,
    SubscriptionDetail,
    SubscriptionList,
    SubscriptionReplay,
    SubscriptionSwitch,
    SubscriptionTest,
)

ONE = "v1/subscriptions/<str:subscription_id>"

urlpatterns = [
    path("v1/subscriptions", SubscriptionList.as_view()),
    path(ONE, SubscriptionDetail.as_view()),
    path(f"{ONE}/enable", SubscriptionSwitch.as_view(on=True)),
    path(f"{ONE}/disable", SubscriptionSwitch.as_view(on=False)),
    path(f"{ONE}/rotate-secret", SecretRotation.as_view()),
    path(f"{ONE}/test", SubscriptionTest.as_view()),
    path(f"{ONE}/replay", SubscriptionReplay.as_view()),
    path(f"{ONE}/deliveries", DeliveryList.as_view()),
    path(f"{ONE}/deliveries/<str:delivery_id>", DeliveryDetail.as_view()),
    path(f"{ONE}/deliveries/<str:delivery_id>/resend", DeliveryResend.as_view()),
]
