"""Geocoders: an address in, a position out, by 天地图, 高德 or 百度, through geopy.

What a provider says is never shown, logged or kept as it came: it may repeat the key.
"""

import json
import re
import time
from abc import abstractmethod
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, ClassVar
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from geopy import exc
from geopy.adapters import URLLibAdapter
from geopy.geocoders.base import Geocoder
from geopy.util import logger

from servicemap.errors import InvalidError, UnavailableError

MOST_BYTES = 262_144  # of an answer; a real one has 1,000
logger.disabled = True  # geopy's logger writes URLs and answers, and the key stands in both

EXACTNESS = ("door", "street", "community", "town", "coarse", "unknown")  # the precisions, then what is none
_DOOR, _STREET, _COMMUNITY, _TOWN, _COARSE, _UNKNOWN = EXACTNESS


@dataclass(frozen=True, slots=True)
class Answer:
    """A position in the provider's datum; `adcode` (6 digits) is the county that the provider names."""

    lat: float
    lng: float
    precision: str  # EXACTNESS
    adcode: str | None = None


class KeyRefusedError(InvalidError):
    code = "geocoder_key_refused"


class BadAnswerError(exc.GeocoderServiceError):
    """An answer without a usable position."""


class NoRedirect(HTTPRedirectHandler):
    """The key stands in the URL and must not go to another host."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


class CarefulAdapter(URLLibAdapter):
    """geopy's urllib adapter (its other one puts the key into error texts), for answers that nobody
    vouches for: bounded in size and time, JSON objects only, no redirects."""

    def __init__(self, *, proxies: Any, ssl_context: Any) -> None:
        super().__init__(proxies=proxies, ssl_context=ssl_context)
        handlers = (HTTPSHandler(context=ssl_context), ProxyHandler(proxies), NoRedirect)
        self.urlopen = build_opener(*handlers).open

    def get_json(self, url: str, *, timeout: float, headers: dict[str, str]) -> dict[str, Any]:
        self.ends_at = time.monotonic() + timeout
        text = self.get_text(url, timeout=timeout, headers=headers)
        try:
            page = json.loads(text, parse_constant=float)
        except (ValueError, RecursionError):
            page = None
        if not isinstance(page, dict):
            raise exc.GeocoderParseError("no JSON object")
        return page

    def _decode_page(self, page: Any) -> str:
        body = b""
        try:
            with closing(page):
                while chunk := page.read1(65_536):
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise exc.GeocoderParseError("too long")
                    if time.monotonic() > self.ends_at:
                        raise exc.GeocoderTimedOut("too slow")
        except (OSError, HTTPException):
            raise exc.GeocoderServiceError("broken off") from None
        return body.decode("utf-8", "replace")


class Provider(Geocoder):
    """What the three have in common; `domain` and `scheme` lead to a gateway or a stub instead."""

    title: ClassVar[str]
    datum: ClassVar[str]
    default_domain: ClassVar[str]
    path: ClassVar[str]
    levels: ClassVar[dict[str, str]]  # its words for how exact it is

    def __init__(
        self, api_key: str, *, domain: str | None = None, scheme: str = "https", timeout: float = 10
    ) -> None:
        super().__init__(
            scheme=scheme, timeout=timeout, user_agent="servicemap", adapter_factory=CarefulAdapter
        )
        self.api_key = api_key
        self.api = f"{scheme}://{domain or self.default_domain}{self.path}"

    def geocode(self, query: str, *, city: str = "", city_code: str = "") -> Answer | None:
        """The position of an address within a city (its name, its 6 digits); None: not found."""
        url = f"{self.api}?{urlencode(self.params(query, city, city_code))}"
        answer: Answer | None = self._call_geocoder(url, self.read)
        return answer

    @abstractmethod
    def params(self, query: str, city: str, city_code: str) -> dict[str, str]: ...

    @abstractmethod
    def read(self, page: dict[str, Any]) -> Answer | None: ...

    def precision(self, level: Any) -> str:
        return self.levels.get(level, _UNKNOWN) if isinstance(level, str) else _UNKNOWN


class Tianditu(Provider):
    """http://lbs.tianditu.gov.cn/server/geocodinginterface.html: {"status": "0", "msg": "ok", "location":
    {"lon": "116.0016", "lat": "40.4532", "level": "地名地址"}}; status 101 is no result, 404 a failure.
    It names no county. How it refuses keys and ends quotas is not documented."""

    title = "天地图"
    datum = "wgs84"  # CGCS2000, which differs by centimetres
    default_domain = "api.tianditu.gov.cn"
    path = "/geocoder"
    levels = (
        dict.fromkeys(("门址", "门牌号", "兴趣点"), _DOOR)
        | dict.fromkeys(("道路", "道路交叉口"), _STREET)
        | dict.fromkeys(("地名地址", "地名", "村庄", "村", "社区", "自然村"), _COMMUNITY)
        | dict.fromkeys(("乡镇", "乡", "镇", "街道"), _TOWN)
        | dict.fromkeys(("国家", "省", "市", "区县", "区", "县"), _COARSE)
    )

    def params(self, query: str, city: str, city_code: str) -> dict[str, str]:
        return {"ds": json.dumps({"keyWord": query}, ensure_ascii=False), "tk": self.api_key}

    def read(self, page: dict[str, Any]) -> Answer | None:
        if "code" in page:  # its gateway refuses
            raise exc.GeocoderAuthenticationFailure(_number(page["code"]))
        status = _number(page.get("status"))
        if status == "101":
            return None
        if status != "0":
            raise exc.GeocoderServiceError(status)
        place = _object(page.get("location"))
        return _answer(place.get("lat"), place.get("lon"), self.precision(place.get("level")))


class Amap(Provider):
    """https://lbs.amap.com/api/webservice/guide/api/georegeo: {"status": "1", "infocode": "10000",
    "geocodes": [{"location": "116.4808,39.9894", "level": "门牌号", "adcode": "110105"}]}; what is empty
    is []. Its infocodes: https://lbs.amap.com/api/webservice/guide/tools/info. Its levels:
    https://lbs.amap.com/news/geocoder_api"""

    title = "高德"
    datum = "gcj02"
    default_domain = "restapi.amap.com"
    path = "/v3/geocode/geo"
    levels = (
        dict.fromkeys(("门牌号", "门址", "单元号", "楼层", "房间", "兴趣点"), _DOOR)
        | dict.fromkeys(("道路", "道路交叉路口", "小巷", "公交地铁站点", "住宅区"), _STREET)
        | dict.fromkeys(("村庄", "热点商圈"), _COMMUNITY)
        | dict.fromkeys(("乡镇", "开发区"), _TOWN)
        | dict.fromkeys(("国家", "省", "市", "区县"), _COARSE)
    )

    def params(self, query: str, city: str, city_code: str) -> dict[str, str]:
        return {"address": query, "city": city_code or city, "output": "JSON", "key": self.api_key}

    def read(self, page: dict[str, Any]) -> Answer | None:
        code = _number(page.get("infocode"))
        if code in ("10003", "10010", "10044", "10045", "40000", "40001", "40002", "40003"):
            raise exc.GeocoderQuotaExceeded(code)
        if code in ("10004", "10014", "10015", "10019", "10020", "10021", "10029"):
            raise exc.GeocoderRateLimited(code)
        if code in (*map(str, range(10001, 10014)), "10026", "10041"):
            raise exc.GeocoderAuthenticationFailure(code)
        if code in ("20000", "20001"):
            raise exc.GeocoderQueryError(code)
        if code.startswith("3"):  # ENGINE_RESPONSE_DATA_ERROR: it makes nothing of the address
            return None
        if code != "10000":
            raise exc.GeocoderServiceError(code)
        places = page.get("geocodes")
        if not isinstance(places, list):
            raise BadAnswerError
        if not places:
            return None
        place = _object(places[0])
        point = place.get("location")
        lng, _, lat = point.partition(",") if isinstance(point, str) else ("", "", "")
        adcode = place.get("adcode")
        known = isinstance(adcode, str) and re.fullmatch(r"[0-9]{6}", adcode)
        return _answer(lat, lng, self.precision(place.get("level")), adcode if known else None)


class Baidu(Provider):
    """https://lbsyun.baidu.com/docs/webapi?title=geocoding/guide/webservice-geocoding-base: {"status": 0,
    "result": {"location": {"lng": 116.3081, "lat": 40.0569}, "precise": 1, "level": "商务大厦"}}. It names no
    county. Its statuses: https://lbsyun.baidu.com/index.php?title=webapi/appendix. geopy's own BaiduV3
    asks without a city and takes any answer for a place."""

    title = "百度"
    datum = "bd09"
    default_domain = "api.map.baidu.com"
    path = "/geocoding/v3/"
    levels = (
        dict.fromkeys(("道路", "交叉路口", "桥", "地产小区"), _STREET)
        | dict.fromkeys(("村庄", "商圈", "工业园区"), _COMMUNITY)
        | dict.fromkeys(("乡镇", "街道"), _TOWN)
        | dict.fromkeys(("国家", "省", "城市", "区县"), _COARSE)
        | dict.fromkeys(
            (
                *("门址", "商务大厦", "政府机构", "生活服务", "休闲娱乐", "餐饮", "宾馆", "购物", "金融"),
                *("教育", "医疗", "旅游景点", "汽车服务", "火车站", "长途汽车站", "停车场", "运动健身"),
                *("公司企业", "文化传媒", "丽人", "公交车站", "地铁站", "飞机场", "教育培训"),
            ),
            _DOOR,
        )
    )

    def params(self, query: str, city: str, city_code: str) -> dict[str, str]:
        return {"address": query, "city": city, "output": "json", "ak": self.api_key}

    def read(self, page: dict[str, Any]) -> Answer | None:
        status = _number(page.get("status"))
        said = page.get("message", page.get("msg"))
        if status == "1" and isinstance(said, str) and "无相关结果" in said:
            return None
        if status in ("4", "301", "302"):
            raise exc.GeocoderQuotaExceeded(status)
        if status in ("401", "402"):
            raise exc.GeocoderRateLimited(status)
        if status in ("3", "5", "9", "101", "102") or (len(status) == 3 and status[0] == "2"):
            raise exc.GeocoderAuthenticationFailure(status)
        if status in ("2", "8"):
            raise exc.GeocoderQueryError(status)
        if status != "0":
            raise exc.GeocoderServiceError(status)
        if page.get("result") in (None, [], {}):
            return None
        place = _object(page["result"])
        point = _object(place.get("location"))
        precision = self.precision(place.get("level"))
        if _number(place.get("precise")) != "1":  # 模糊打点
            precision = max(precision, _COMMUNITY, key=EXACTNESS.index)
        return _answer(point.get("lat"), point.get("lng"), precision)


PROVIDERS: dict[str, type[Provider]] = {"tianditu": Tianditu, "amap": Amap, "baidu": Baidu}


def ask(provider: Provider, query: str, city: str, city_code: str) -> Answer | None:
    """Ask once; None: not found. What failed comes in our own words, without a trace of what was sent or
    said: KeyRefusedError and UnavailableError (of all addresses), InvalidError (of this one)."""
    who = provider.title
    try:
        return provider.geocode(query, city=city, city_code=city_code)
    except exc.GeocoderRateLimited as error:
        what = f"{who}说问得太快了{_why(error)}；请稍后再运行，--per-second 写小一些"
        failure: Exception = UnavailableError(what, "geocoder_too_fast")
    except exc.GeocoderQuotaExceeded as error:
        what = f"{who}的次数用完了{_why(error)}；请明天再运行，或申请更多次数"
        failure = UnavailableError(what, "geocoder_quota")
    except (exc.GeocoderAuthenticationFailure, exc.GeocoderInsufficientPrivileges) as error:
        what = f"{who}不接受这个密钥{_why(error)}；请核对密钥、它的服务类型、IP 白名单和次数"
        failure = KeyRefusedError(what)
    except exc.GeocoderQueryError as error:
        failure = InvalidError(f"{who}读不懂这个地址{_why(error)}", "address_not_understood")
    except BadAnswerError:
        failure = InvalidError(f"{who}的回答里没有可用的位置", "bad_answer")
    except exc.GeocoderParseError:
        what = f"{who}的回答不是约定的格式；请检查网络（是否要先登录），稍后再运行"
        failure = UnavailableError(what, "geocoder_unreadable")
    except exc.GeocoderServiceError as error:
        failure = UnavailableError(f"{who}现在没有回答{_why(error)}；请稍后再运行", "geocoder_down")
    raise failure


def _why(error: Exception) -> str:
    """The number that the provider gave, where it is one: the only thing of its words that is repeated."""
    number = getattr(error.__cause__, "status_code", None) or str(error)
    return f"（{number}）" if re.fullmatch(r"[0-9]{1,6}", str(number)) else ""


def _number(value: Any) -> str:
    """A short whole number, which some providers write as text, as text; else a broken answer."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise exc.GeocoderParseError("no status")
    return text


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadAnswerError
    return value


def _answer(lat: Any, lng: Any, precision: str, adcode: str | None = None) -> Answer:
    y, x = _degrees(lat, 90), _degrees(lng, 180)
    return Answer(y, x, precision, adcode)


def _degrees(value: Any, most: int) -> float:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,20})?", value):
        value = float(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and abs(value) <= most):  # so written, NaN is refused too
        raise BadAnswerError
    return float(value)
