{#-
    What came of an activity of fct_activity, by its type, direction and outcome. An outcome that
    the source does not give speaks for the activity.
-#}

{#- Whether it took place: a cancelled meeting did not, a call that nobody answered did. -#}
{% macro has_taken_place() -%}
    coalesce(lower(outcome) not in ('cancelled', 'canceled'), true)
{%- endmacro %}

{#- Whether the other side took part: wrote, answered or came. -#}
{% macro is_two_way() -%}
    case
        when activity_type = 'task' then false
        when activity_type = 'email' then coalesce(direction = 'inbound', false)
        else coalesce(
            lower(replace(outcome, '_', ' ')) not in (
                'cancelled', 'canceled', 'no show', 'no answer', 'busy', 'voicemail',
                'left voicemail'
            ),
            true
        )
    end
{%- endmacro %}
