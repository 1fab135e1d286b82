"""What is asked of the people of a group: a second step, set up before anything else."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Group, User
from django.db import transaction

from acteon_site.access.revocation import tell_revoked
from acteon_site.access.second_steps import standing_of
from acteon_site.models import GroupSecurity, LoginToken


@transaction.atomic
def group_two_steps_set(*, group: Group, required: bool) -> bool:
    """Whether that is new. Browsers are asked from the next page on, and tokens without a second step end."""
    row, _ = GroupSecurity.objects.select_for_update().get_or_create(group=group)
    if row.two_steps == required:
        return False
    GroupSecurity.objects.filter(pk=row.pk).update(two_steps=required)
    if required:
        people = User.objects.filter(groups=group) | User.objects.filter(is_superuser=True)
        tokens_end_of_one_step(people=people.distinct())
    return True


def tokens_end_of_one_step(*, people: Iterable[User]) -> None:
    """Of those who must have a second step and have none: what a password alone has opened is closed."""
    ids = [user.pk for user in people if (standing := standing_of(user)).must and not standing.has]
    LoginToken.objects.filter(user__in=ids).delete()
    transaction.on_commit(tell_revoked)
