{#- The words of the sources in the words of the warehouse. -#}

{#- pipeline, best_case, commit, closed or omitted; null for anything else. -#}
{% macro canonical_forecast_category(expression) -%}
    case lower({{ regexp_replace_all(expression, '[^A-Za-z]', '') }})
        when 'pipeline' then 'pipeline'
        when 'bestcase' then 'best_case'
        when 'mostlikely' then 'best_case'
        when 'commit' then 'commit'
        when 'forecast' then 'commit'
        when 'closed' then 'closed'
        when 'omitted' then 'omitted'
    end
{%- endmacro %}


{#- new, expansion or renewal; a deal of an unknown kind is new business. -#}
{% macro canonical_opportunity_type(expression) -%}
    case
        when lower({{ expression }}) like '%renew%' then 'renewal'
        when
            lower({{ expression }}) like '%expan%'
            or lower({{ expression }}) like '%existing%'
            or lower({{ expression }}) like '%upgrade%'
            or lower({{ expression }}) like '%upsell%'
            or lower({{ expression }}) like '%up-sell%'
            or lower({{ expression }}) like '%cross%sell%'
            or lower({{ expression }}) like '%add%on%'
            then 'expansion'
        else 'new'
    end
{%- endmacro %}


{#- SMB, Mid-Market or Enterprise from the words of the source; null for anything else. -#}
{% macro canonical_segment(expression) -%}
    case lower({{ regexp_replace_all(expression, '[^A-Za-z]', '') }})
        when 'smb' then 'SMB'
        when 'small' then 'SMB'
        when 'smallbusiness' then 'SMB'
        when 'midmarket' then 'Mid-Market'
        when 'mm' then 'Mid-Market'
        when 'medium' then 'Mid-Market'
        when 'commercial' then 'Mid-Market'
        when 'enterprise' then 'Enterprise'
        when 'ent' then 'Enterprise'
        when 'large' then 'Enterprise'
    end
{%- endmacro %}


{#- AE, BDR, SE, manager or other from the words of a job title or role. Management comes first
    ("Manager, Sales Engineering" manages), but an account manager sells. Null for null. -#}
{% macro canonical_role(expression) -%}
    {%- set words = "' ' || lower(" ~ regexp_replace_all(expression, '[^A-Za-z]+', ' ') ~ ") || ' '" -%}
    case
        when {{ expression }} is null then null
        when {{ words }} like '% account manager %' then 'AE'
        when
            {{ words }} like '% manager %'
            or {{ words }} like '% management %'
            or {{ words }} like '% director %'
            or {{ words }} like '% head %'
            or {{ words }} like '% chief %'
            or {{ words }} like '% vp %'
            or {{ words }} like '% vice president %'
            or {{ words }} like '% cro %'
            or {{ words }} like '% ceo %'
            then 'manager'
        when
            {{ words }} like '% bdr %'
            or {{ words }} like '% bdrs %'
            or {{ words }} like '% sdr %'
            or {{ words }} like '% sdrs %'
            or {{ words }} like '% business development %'
            or {{ words }} like '% sales development %'
            then 'BDR'
        when
            {{ words }} like '% se %'
            or {{ words }} like '% ses %'
            or {{ words }} like '% sales engineer%'
            or {{ words }} like '% solution% engineer%'
            or {{ words }} like '% solution% consultant%'
            or {{ words }} like '% solution% architect%'
            or {{ words }} like '% presales %'
            or {{ words }} like '% pre sales %'
            then 'SE'
        when
            {{ words }} like '% ae %'
            or {{ words }} like '% aes %'
            or {{ words }} like '% account exec%'
            or {{ words }} like '% sales rep%'
            or {{ words }} like '% salesperson %'
            then 'AE'
        else 'other'
    end
{%- endmacro %}
