"""The words of the simulation: names, places, titles, products, subjects. No chance, no rules."""

import unicodedata


def _words(text: str) -> list[str]:
    return text.split()


FIRST_NAMES = _words(
    "Anna Ben Carla David Elena Frank Grace Hugo Irene Jonas Karen Liam Maria Noah Olivia Paul "
    "Quinn Rosa Samuel Tina Umar Vera Walter Xenia Yusuf Zoe José François Jürgen Søren Zoë Renée "
    "André Mónica Björn Chloé Márta Luís Inês Koji Amélie Raúl Åsa Émile Nuño Aiko Kenji Yuki "
    "Haruto Priya Arjun Mei Wei Jun Emma James Lucy Oscar Ruth Victor Alice Brian Diane Eric Fiona "
    "George Helen Ian Julia Kevin Laura Mark Nina Peter Rachel Simon Teresa Thomas"
)
LAST_NAMES = _words(
    "Adams Baker Carter Dawson Evans Foster Grant Hughes Irving Jensen Keller Lambert Morgan Novak "
    "Olsen Parker Quigley Reyes Schmidt Turner Ueda Vargas Weber Xavier Young Zimmer Müller García "
    "López Núñez Sørensen Dubois Lefèvre Çelik Gonçalves Weiß Bäcker Ibáñez Márquez Åkesson Öberg "
    "Tanaka Suzuki Sato Watanabe Kobayashi Sharma Patel Singh Chen Wang Nguyen Kim Park Murphy "
    "Kelly Walsh Byrne Rossi Bianchi Ricci Conti Ferrari Smith Jones Taylor Brown Wilson Clarke "
    "Wright Walker Hill Scott Green Cooper Ward Cox Fischer Wagner Becker Hoffmann Schäfer Koch "
    "Richter Klein Wolf Neumann Martin Bernard Petit Durand Moreau Laurent Girard"
)
COMPANY_HEADS = _words(
    "North South East West Bright Clear Blue Green Silver Gold Iron Stone River Lake Hill Oak Pine "
    "Maple Cedar Ash Fox Wolf Hawk Eagle Swift Prime True Fair High Deep Wide Open First Next New "
    "Star Sun Moon Sky Cloud Rain Snow Frost Wind Storm Fire Ember Flint Copper Cobalt Amber Coral "
    "Harbor Bay Cape Ridge Vale Glen Dale Marsh Moor Summit Crest Peak Core Apex Nova Luma Vero "
    "Alta Arco Bora Cala Dura Esta Fina Gala"
)
COMPANY_TAILS = _words(
    "field wind bridge gate stone water wood land port view side way line point mark works forge "
    "craft grid link path scale shift stream spring brook ford ham ton well worth mere shore cliff "
    "mont vale rock light beam wave tide leaf root branch bloom seed grain mill yard dock span arc"
)
COMPANY_TYPES = _words(
    "Systems Logistics Foods Energy Health Media Retail Labs Motors Textiles Bank Insurance "
    "Software Networks Pharma Chemicals Airlines Travel Education Consulting Partners Materials "
    "Robotics Security Analytics Devices Packaging Properties Engineering Brands"
)
LEGAL_FORMS = {
    "United States": "Inc.",
    "Canada": "Ltd.",
    "Brazil": "S.A.",
    "United Kingdom": "Ltd",
    "Germany": "GmbH",
    "France": "SAS",
    "Netherlands": "B.V.",
    "Spain": "S.L.",
    "Sweden": "AB",
    "Japan": "K.K.",
    "Australia": "Pty Ltd",
    "Singapore": "Pte. Ltd.",
    "India": "Pvt. Ltd.",
}
INDUSTRIES = (
    "Software",
    "Financial Services",
    "Manufacturing",
    "Healthcare",
    "Retail",
    "Logistics",
    "Media",
    "Energy",
    "Education",
    "Public Sector",
)
REGIONS = ("AMER", "EMEA", "APAC")
SEGMENTS = ("SMB", "Mid-Market", "Enterprise")
# Country, region, currency, share within the region, hours from UTC, telephone prefix, city.
COUNTRIES = (
    ("United States", 0, "USD", 0.80, -5, "+1 212 555", "New York"),
    ("Canada", 0, "USD", 0.14, -5, "+1 416 555", "Toronto"),
    ("Brazil", 0, "USD", 0.06, -3, "+55 11 5550", "São Paulo"),
    ("United Kingdom", 1, "GBP", 0.34, 0, "+44 20 7946", "London"),
    ("Germany", 1, "EUR", 0.26, 1, "+49 30 5550", "München"),
    ("France", 1, "EUR", 0.18, 1, "+33 1 5550", "Besançon"),
    ("Netherlands", 1, "EUR", 0.10, 1, "+31 20 555", "Amsterdam"),
    ("Spain", 1, "EUR", 0.07, 1, "+34 91 555", "Cádiz"),
    ("Sweden", 1, "EUR", 0.05, 1, "+46 8 555", "Malmö"),
    ("Japan", 2, "JPY", 0.36, 9, "+81 3 5550", "Tokyo"),
    ("Australia", 2, "AUD", 0.36, 10, "+61 2 5550", "Sydney"),
    ("Singapore", 2, "USD", 0.14, 8, "+65 6555", "Singapore"),
    ("India", 2, "USD", 0.14, 5, "+91 22 5550", "Pune"),
)
TIME_ZONES = ("America/New_York", "Europe/London", "Asia/Tokyo")
REGION_OFFSETS = (-5, 0, 9)
CURRENCIES = ("USD", "EUR", "GBP", "JPY", "AUD")
TITLES = (
    ("VP Operations", "Operations"),
    ("Head of IT", "IT"),
    ("Chief Financial Officer", "Finance"),
    ("IT Manager", "IT"),
    ("Operations Manager", "Operations"),
    ("Data Analyst", "Analytics"),
    ("Procurement Manager", "Procurement"),
    ("Director of Sales", "Sales"),
    ("Head of Analytics", "Analytics"),
    ("Chief Information Officer", "IT"),
    ("Security Engineer", "IT"),
    ("Finance Manager", "Finance"),
)
LEAD_SOURCES = (
    "Web",
    "Webinar",
    "Trade Show",
    "Paid Search",
    "Content Syndication",
    "Partner Referral",
    "Employee Referral",
    "Outbound",
    "Customer",
)
LEAD_STATUSES = (
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
    "Nurture",
    "Open - Re-engaged",
)
CAMPAIGN_TYPES = (
    ("Webinar", "Webinar"),
    ("Email", "Product tips"),
    ("Trade Show", "Trade show"),
    ("Advertisement", "Search ads"),
    ("Content", "Guide download"),
    ("Referral Program", "Partner referral"),
)
STAGES = (
    "Prospecting",
    "Qualification",
    "Discovery",
    "Solution Design",
    "Proposal",
    "Negotiation",
    "Closed Won",
    "Closed Lost",
)
STAGE_PROBABILITIES = (10, 20, 35, 50, 65, 80, 100, 0)
FORECAST_NAMES = ("Pipeline", "Best Case", "Commit", "Closed", "Omitted")
FORECAST_CODES = ("Pipeline", "BestCase", "Forecast", "Closed", "Omitted")
FORECAST_COMMENTS = (
    "Unchanged view",
    "Waiting for legal on the largest deal",
    "Upside if procurement is quick",
    "Several first meetings still to be held",
    "Revised after going through the deals again",
    "Close dates look optimistic",
    "There is more in the quarter than was called",
)
OPPORTUNITY_TYPES = ("New Business", "Expansion", "Renewal")
NEXT_STEPS = (
    ("Book intro call", "Research account", "Send intro e-mail"),
    ("Run BANT call", "Confirm budget holder", "Agree next meeting"),
    ("Hold discovery workshop", "Map stakeholders", "Collect requirements"),
    ("Review architecture", "Prepare ROI model", "Demo to IT"),
    ("Present proposal", "Arrange reference call", "Answer RFP questions"),
    ("Send contract", "Legal review", "Agree payment terms"),
    ("Hand over to customer success",),
)
LOSS_REASONS = (
    "Lost to competitor",
    "No decision",
    "No budget",
    "Timing",
    "Product gap",
    "Not qualified",
)
COMPETITORS = ("Veridian", "Quantiva", "Selloscope", "In-house build")
# How reps spell them, the proper name first; seeds/competitor_spellings.csv knows them all.
COMPETITOR_SPELLINGS = (
    ("Veridian", "VERIDIAN", "Veridian Inc.", "veridian ", "Viridian"),
    ("Quantiva", "quantiva.io", "Quantiva GmbH", "QUANTIVA"),
    ("Selloscope", "Sello Scope", "selloscope", "Seloscope"),
    ("In-house build", "Inhouse", "Build in house", "internal solution"),
)
COMPETITOR_STRENGTHS = ("Price", "Known to the IT department", "References in the industry")
COMPETITOR_WEAKNESSES = ("Long roll-out", "Reporting", "Support hours")
CRITERION_KINDS = ("activity", "deliverable", "exit_criterion")
# Stage, kind and code of what the sales process asks for; the same as seeds/stage_criteria.csv.
STAGE_CRITERIA = (
    ("Prospecting", "activity", "market_research"),
    ("Prospecting", "activity", "lead_generation"),
    ("Prospecting", "activity", "outreach_campaigns"),
    ("Prospecting", "activity", "event_participation"),
    ("Prospecting", "activity", "referral_programs"),
    ("Prospecting", "exit_criterion", "quality_lead_identified"),
    ("Prospecting", "exit_criterion", "contact_information_obtained"),
    ("Prospecting", "exit_criterion", "initial_interest_confirmed"),
    ("Qualification", "activity", "initial_discovery_call"),
    ("Qualification", "activity", "needs_assessment"),
    ("Qualification", "activity", "budget_qualification"),
    ("Qualification", "activity", "timeline_discussion"),
    ("Qualification", "activity", "stakeholder_identification"),
    ("Qualification", "exit_criterion", "opportunity_qualified"),
    ("Qualification", "exit_criterion", "next_steps_agreed"),
    ("Qualification", "exit_criterion", "meeting_scheduled"),
    ("Discovery", "activity", "detailed_needs_analysis"),
    ("Discovery", "activity", "technical_requirements_gathered"),
    ("Discovery", "activity", "stakeholder_meetings"),
    ("Discovery", "activity", "process_mapping"),
    ("Discovery", "activity", "pain_points_identified"),
    ("Discovery", "deliverable", "discovery_summary"),
    ("Discovery", "deliverable", "requirements_document"),
    ("Discovery", "deliverable", "stakeholder_map"),
    ("Discovery", "exit_criterion", "requirements_understood"),
    ("Discovery", "exit_criterion", "stakeholders_identified"),
    ("Discovery", "exit_criterion", "business_case_validated"),
    ("Solution Design", "activity", "architecture_design"),
    ("Solution Design", "activity", "customisation_requirements"),
    ("Solution Design", "activity", "integration_planning"),
    ("Solution Design", "activity", "implementation_approach"),
    ("Solution Design", "activity", "roi_analysis"),
    ("Solution Design", "deliverable", "solution_proposal"),
    ("Solution Design", "deliverable", "technical_architecture"),
    ("Solution Design", "deliverable", "implementation_plan"),
    ("Solution Design", "deliverable", "pricing_proposal"),
    ("Solution Design", "exit_criterion", "solution_fits_needs"),
    ("Solution Design", "exit_criterion", "technical_feasibility_confirmed"),
    ("Solution Design", "exit_criterion", "pricing_provided"),
    ("Proposal", "activity", "proposal_presentation"),
    ("Proposal", "activity", "demo_or_trial"),
    ("Proposal", "activity", "reference_calls"),
    ("Proposal", "activity", "questions_and_answers"),
    ("Proposal", "activity", "negotiation"),
    ("Proposal", "deliverable", "proposal_document"),
    ("Proposal", "deliverable", "contract_terms"),
    ("Proposal", "deliverable", "sla_document"),
    ("Proposal", "exit_criterion", "proposal_accepted"),
    ("Proposal", "exit_criterion", "terms_agreed"),
    ("Proposal", "exit_criterion", "ready_for_contract"),
    ("Negotiation", "activity", "contract_negotiation"),
    ("Negotiation", "activity", "legal_review"),
    ("Negotiation", "activity", "terms_finalisation"),
    ("Negotiation", "activity", "pricing_discussion"),
    ("Negotiation", "activity", "sla_agreement"),
    ("Negotiation", "exit_criterion", "contract_executed"),
    ("Negotiation", "exit_criterion", "terms_final"),
    ("Negotiation", "exit_criterion", "kickoff_scheduled"),
    ("Closed Won", "activity", "contract_execution"),
    ("Closed Won", "activity", "handoff_to_customer_success"),
    ("Closed Won", "activity", "kickoff_meeting"),
    ("Closed Won", "activity", "implementation_planning"),
    ("Closed Won", "exit_criterion", "contract_signed"),
    ("Closed Won", "exit_criterion", "payment_received"),
    ("Closed Won", "exit_criterion", "implementation_started"),
)
EVIDENCE_NOTES = ("Confirmed on a call", "Confirmed by e-mail", "Agreed in a meeting", "See notes")
CONTACT_ROLES = (
    "Champion",
    "Decision Maker",
    "Economic Buyer",
    "Technical Buyer",
    "Evaluator",
    "Influencer",
    "Business User",
)
# Code, name, family, list price in USD, share of deals that hold it.
PRODUCTS = (
    ("PLT-S", "Platform Starter", "Platform", 390.0, 0.0),
    ("PLT-P", "Platform Professional", "Platform", 780.0, 0.0),
    ("PLT-E", "Platform Enterprise", "Platform", 1260.0, 0.0),
    ("ANA-ADV", "Advanced Analytics", "Analytics", 240.0, 0.36),
    ("ANA-FC", "Forecast Studio", "Analytics", 310.0, 0.22),
    ("SEC-SSO", "Single Sign-On", "Security", 75.0, 0.28),
    ("SUP-PRM", "Premium Support", "Support", 130.0, 0.34),
    ("SVC-ONB", "Onboarding Package", "Services", 2400.0, 0.30),
    ("SVC-TRN", "Training Day", "Services", 1800.0, 0.16),
    ("INT-CON", "Connector Pack", "Platform", 190.0, 0.20),
)
LOCAL_PRICE = {"USD": 1.0, "EUR": 0.92, "GBP": 0.80, "JPY": 150.0, "AUD": 1.50}
EMAIL_SUBJECTS = (
    "Intro to {company}",
    "Follow-up on our call",
    "Requirements workshop",
    "Architecture questions",
    "Our proposal",
    "Contract redlines",
)
SEQUENCE_SUBJECTS = (
    "Quick question about your reporting",
    "How teams like yours plan pipeline",
    "Worth a short call?",
    "Last note from me",
)
MEETING_TITLES = (
    "Intro call",
    "Qualification call",
    "Discovery workshop",
    "Solution demo",
    "Proposal walkthrough",
    "Contract review",
)


def ascii_of(name: str) -> str:
    """The name as it stands in an address: lower case, without accents."""
    folded = name.lower().replace("ß", "ss").replace("ø", "o")
    plain = unicodedata.normalize("NFKD", folded)
    return "".join(letter for letter in plain if "a" <= letter <= "z")
