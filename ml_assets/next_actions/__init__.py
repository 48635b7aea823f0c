"""The next action of every open deal, lead and account, from the rules of a playbook."""

from ml_assets.next_actions.recommend import ACTION_SCHEMA, recommend_next_actions

__all__ = ["ACTION_SCHEMA", "recommend_next_actions"]
