"""Where IBANs stand in a text: country, its length, and the check digits. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

# The registry's lengths; without one a longer text would have many ends to try, and chance would find an IBAN in it.
_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d{2})",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27"
        "GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22"
        "MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28"
        "TL23TN24TR26UA29VA22VG24XK20YE30",
    )
}
_START = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?=[ -]?[A-Z0-9])")
_REST = re.compile(r"(?:[ -]?[A-Z0-9]){11,29}")


def iban_spans(text: str) -> Iterator[tuple[int, int]]:
    for start in _START.finditer(text):
        length, rest = _LENGTHS.get(start[0][:2]), _REST.match(text, start.end())
        if length is None or rest is None:
            continue
        places = [place for place in range(start.start(), rest.end()) if text[place] not in " -"]
        if len(places) < length:
            continue
        end = places[length - 1] + 1
        if not text[end : end + 1].isalnum() and _adds_up("".join(text[place] for place in places[:length])):
            yield start.start(), end


def _adds_up(iban: str) -> bool:
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1
