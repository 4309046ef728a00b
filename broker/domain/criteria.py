"""What the engine's criteria are called where people read them: a label, and what it says of a pair."""

CRITERIA = {
    "fit": ("Needs and offers", "What each offers of what the other looks for; the weaker side decides."),
    "closeness": ("Distance of fields", "Fields that are neither the same nor too far apart to talk."),
    "creative_growth": ("Creative × growth", "A creative firm meets one of another growth sector."),
    "markets": ("Target markets", "One sits in a country in which the other wants to sell."),
    "languages": ("Languages", "Working languages that both share."),
    "readiness": ("Readiness", "How ready for work abroad the less ready of the two is."),
    "history": ("Past partners", "They have met or worked with the same firms before."),
}
