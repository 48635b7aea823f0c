"""HubSpot marketing exports: contacts, e-mail events, form submissions, page views."""

import numpy as np
import polars as pl

from orchestration.sources.demo import marketing
from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.attention import Attention
from orchestration.sources.demo.clock import DAY, START_DAY, moment_text
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.conversation_files import code, delayed, person_addresses
from orchestration.sources.demo.exports.records import dirt, version_key, versions
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.streams import chance

_PORTAL, _APPLICATION = 4_711_042, 113
_SOURCE_NAMES = pl.Series(
    ["ORGANIC_SEARCH", "EMAIL_MARKETING", "OFFLINE", "PAID_SEARCH", "REFERRALS", "REFERRALS",
     "REFERRALS", "OFFLINE", "DIRECT_TRAFFIC"]
)  # fmt: skip
_STAGES = pl.Series(["lead", "marketingqualifiedlead", "opportunity", "customer", "other"])
_STATUSES = pl.Series(["NEW", "IN_PROGRESS", "OPEN_DEAL", "CONNECTED", "UNQUALIFIED"])
_PAGES = (
    ("/", "Home"),
    ("/product", "Product"),
    ("/blog/pipeline-reviews", "How to run a pipeline review"),
    ("/guides/forecasting", "Forecasting guide"),
    ("/pricing", "Pricing"),
    ("/customers", "Customers"),
    ("/docs/integrations", "Integrations"),
    ("/demo", "Book a demo"),
)
_PATHS = pl.Series([path for path, _ in _PAGES])
_PAGE_TITLES = pl.Series([title for _, title in _PAGES])
_FORMS = pl.Series(
    ["Contact us", "Webinar registration", "", "Free trial", "Guide download", "Demo request"]
)
_KINDS = pl.Series(["SENT", "DELIVERED", "OPEN", "CLICK", "BOUNCE", "UNSUBSCRIBED"])
_UTM_MEDIA = pl.Series(["event", "email", "event", "cpc", "content", "referral"])
_UTM_SOURCES = pl.Series(["webinar", "newsletter", "fair", "google", "syndication", "partner"])
_REFERRERS = pl.Series(["https://www.google.com/", "https://www.linkedin.com/", ""])
_TITLES = pl.Series([title for title, _ in words.TITLES])
_COUNTRIES = pl.Series([country[0] for country in words.COUNTRIES])
_SITE = "https://www.tessera.example"


def contacts(book: Book, first: int, last: int) -> pl.DataFrame:
    """HubSpot contacts: leads from their first day, and half of the other contacts."""
    part = book.period("profiles", _profile_versions, first, last)
    leads, people = book.world.demand.leads, book.world.market.contacts
    accounts = book.world.market.accounts
    lead, contact = part["lead"].to_numpy(), part["contact"].to_numpy()
    by_lead = lead >= 0
    safe_lead, safe_contact = np.maximum(lead, 0), np.maximum(contact, 0)
    own = {
        "first": np.where(by_lead, leads["first"][safe_lead], people["first"][safe_contact]),
        "last": np.where(by_lead, leads["last"][safe_lead], people["last"][safe_contact]),
        "title": np.where(by_lead, leads["title"][safe_lead], people["title"][safe_contact]),
        "source": np.where(by_lead, leads["source"][safe_lead], people["source"][safe_contact]),
    }
    home = people["account"][safe_contact]
    name = np.where(by_lead, leads["name"][safe_lead], accounts["name"][home])
    country = np.where(by_lead, leads["country"][safe_lead], accounts["country"][home])
    linked = np.where((part["lifecycle"].to_numpy() >= 2) | ~by_lead, contact, -1)
    properties = {
        "email": person_addresses(book, np.where(by_lead, -1, contact), lead),
        "firstname": taken(pl.Series(words.FIRST_NAMES), own["first"]),
        "lastname": taken(pl.Series(words.LAST_NAMES), own["last"]),
        "company": book.company_names(name),
        "jobtitle": taken(_TITLES, own["title"]),
        "lifecyclestage": taken(_STAGES, part["lifecycle"].to_numpy()),
        "hs_lead_status": taken(_STATUSES, part["lifecycle"].to_numpy()),
        "hs_analytics_source": taken(_SOURCE_NAMES, own["source"]),
        "country": taken(_COUNTRIES, country),
        "salesforcecontactid": taken(book.contact_ids, linked),
        "salesforceleadid": taken(book.lead_ids, lead),
    }
    return part.with_columns(**properties).select(
        (20_000_000 + pl.col("row")).cast(pl.String).alias("id"),
        moment_text("created", "zulu").alias("createdAt"),
        moment_text("_ts", "zulu").alias("updatedAt"),
        pl.lit(False).alias("archived"),
        pl.struct(list(properties)).alias("properties"),
        "_day", "_ts", version_key(),
        pl.lit("").alias("_dirt"),
    )  # fmt: skip


def _profile_versions(book: Book) -> pl.DataFrame:
    """Profiles with their lifecycle: lead, marketing qualified, opportunity, customer, other."""
    leads, people = book.world.demand.leads, book.world.market.contacts
    deals = book.world.deals.opportunities
    rows = np.flatnonzero(book.is_known_lead & (leads["origin"] < 0))
    deal = leads["to_opportunity"][rows]
    won = (deal >= 0) & (deals["outcome"][np.maximum(deal, 0)] == 1)
    closed = deals["closed"][np.maximum(deal, 0)]
    outcome = leads["outcome"][rows]
    base = pl.DataFrame(
        {"row": rows * 2, "lead": rows, "contact": leads["to_contact"][rows],
         "created": leads["created"][rows]}
    )  # fmt: skip
    steps = (
        (leads["created"][rows], np.ones(len(rows), dtype=bool), 0),
        (leads["working"][rows], np.ones(len(rows), dtype=bool), 1),
        (leads["end"][rows], outcome == 1, 2),
        (leads["end"][rows], outcome == 2, 4),
        (closed, won, 3),
    )
    events = [
        base.with_columns(moment=pl.Series(moment), lifecycle=pl.lit(stage, dtype=pl.Int64)).filter(
            pl.Series(happens)
        )
        for moment, happens, stage in steps
    ]
    others = np.flatnonzero(marketing.has_profile(book))
    created = people["created"][others]
    customer = book.world.market.accounts["customer_from"][people["account"][others]] <= created
    events.append(
        pl.DataFrame(
            {"row": others * 2 + 1, "lead": np.full(len(others), -1), "contact": others,
             "created": created, "moment": created + 600,
             "lifecycle": np.where(customer, 3, 2).astype(np.int64)}
        )
    )  # fmt: skip
    return versions(events, "row", ["lifecycle"])


def email_events(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """The month's mailing events."""
    frame = delayed(marketing.email_events(book, attention, month), book.seed, "mailing")
    campaign = frame["campaign"].to_numpy()
    serial = frame["serial"].to_numpy()
    return frame.with_columns(
        id="evt-" + code(serial, book.seed, "mail event"),
        type=taken(_KINDS, frame["kind"].to_numpy()),
        recipient=person_addresses(
            book, frame["contact"].to_numpy(), frame["lead"].to_numpy()
        ),
        subject=taken(book.campaign_names, campaign),
    ).select(
        "id", "type", "recipient",
        (pl.col("moment") * 1_000).alias("created"),
        (31_000_000 + pl.col("campaign")).alias("emailCampaignId"),
        pl.lit(_PORTAL).alias("portalId"),
        pl.lit(_APPLICATION).alias("appId"),
        "subject", "_day", "_ts",
        pl.col("serial").alias("_key"),
        dirt((pl.col("late") > 0, "late_record", "created", pl.col("late").cast(pl.String))),
    )  # fmt: skip


def page_views(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """The month's page views."""
    frame = marketing.page_views(book, attention, month)
    serial, page = frame["serial"].to_numpy(), frame["page"].to_numpy()
    campaign = frame["campaign"].to_numpy()
    kind = book.world.demand.campaigns["kind"][np.maximum(campaign, 0)]
    tagged = np.where(campaign >= 0, kind, -1)
    referrer = pl.Series(np.where(campaign >= 0, 0, chance(serial, book.seed, "referrer") * 3 // 1))
    return frame.with_columns(
        id="pv-" + code(serial, book.seed, "page view"),
        contact_email=person_addresses(
            book, frame["contact"].to_numpy(), frame["lead"].to_numpy()
        ),
        url=_SITE + taken(_PATHS, page),
        title=taken(_PAGE_TITLES, page),
        referrer=taken(_REFERRERS, referrer.cast(pl.Int64).to_numpy()).replace("", None),
        utm_source=taken(_UTM_SOURCES, tagged),
        utm_medium=taken(_UTM_MEDIA, tagged),
        utm_campaign=taken(book.campaign_names, campaign),
        session_id="s-" + code(frame["session"].to_numpy(), book.seed, "session"),
        _ts=pl.col("moment"),
        _day=pl.max_horizontal(pl.col("moment") // DAY, pl.lit(START_DAY)),
    ).select(
        "id", "contact_email", "url", "title", "referrer", "utm_source", "utm_medium",
        "utm_campaign",
        moment_text("moment", "zulu").alias("occurred_at"),
        "session_id", "_day", "_ts",
        pl.col("serial").alias("_key"),
        pl.lit("").alias("_dirt"),
    )  # fmt: skip


def form_submissions(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """The month's submitted forms."""
    frame = marketing.form_submissions(book, attention, month)
    serial, form = frame["serial"].to_numpy(), frame["form"].to_numpy()
    lead = frame["lead"].to_numpy()
    leads = book.world.demand.leads
    frame = frame.with_columns(
        conversionId="cv-" + code(serial, book.seed, "conversion"),
        formName=taken(_FORMS, form),
        email=taken(book.lead_emails, lead),
        company=book.company_names(leads["name"][lead]),
        title=taken(_TITLES, leads["title"][lead]),
        page=_SITE + "/forms/" + pl.Series(form).cast(pl.String),
        _ts=pl.col("moment"),
        _day=pl.max_horizontal(pl.col("moment") // DAY, pl.lit(START_DAY)),
    )
    pairs = [
        pl.struct(name=pl.lit(name), value=pl.col(column))
        for name, column in (("email", "email"), ("company", "company"), ("jobtitle", "title"))
    ]
    return frame.select(
        (pl.col("moment") * 1_000).alias("submittedAt"),
        ("f0rm-00" + pl.col("form").cast(pl.String)).alias("formId"),
        "formName", "conversionId",
        pl.col("page").alias("pageUrl"),
        "email",
        pl.concat_list(pairs).alias("values"),
        "_day", "_ts",
        pl.col("serial").alias("_key"),
        pl.lit("").alias("_dirt"),
    )  # fmt: skip
