{#- An address that more people than this share is nobody's own. -#}
{%- set most_people = 20 -%}

with

contacts as (
    select
        email,
        contact_id as person_id,
        contact_id,
        cast(null as {{ dbt.type_string() }}) as lead_id,
        account_id,
        1 as preference,
        is_deleted,
        created_at,
        modified_at,
        load_id
    from {{ ref('int_crm__contact_versions') }}
),

leads as (
    select
        email,
        lead_id as person_id,
        cast(null as {{ dbt.type_string() }}) as contact_id,
        lead_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        2 as preference,
        is_deleted,
        created_at,
        modified_at,
        load_id
    from {{ ref('int_crm__lead_versions') }}
),

survivors as (
    select * from {{ ref('int_crm__account_survivors') }}
),

people as (
    select * from contacts
    union all
    select * from leads
),

bounded as (
    select
        people.*,
        case
            when
                row_number() over (partition by people.person_id order by people.modified_at) = 1
                then least(coalesce(people.created_at, people.modified_at), people.modified_at)
            else people.modified_at
        end as known_from,
        lead(people.modified_at) over (
            partition by people.person_id order by people.modified_at
        ) as known_until
    from people
),

shared as (
    select email
    from people
    where email is not null
    group by email
    having count(distinct person_id) > {{ most_people }}
),

candidates as (
    select
        bounded.*,
        survivors.surviving_account_id,
        survivors.load_id as merge_load_id,
        survivors.recorded_at as merge_recorded_at
    from bounded
    left join survivors
        on bounded.account_id = survivors.account_id
    left join shared
        on bounded.email = shared.email
    where
        bounded.email is not null
        and shared.email is null
        and not bounded.is_deleted
),

instants as (
    select
        email,
        known_from as valid_from
    from candidates
    union
    select
        email,
        known_until as valid_from
    from candidates
    where known_until is not null
),

ranges as (
    select
        email,
        valid_from,
        lead(valid_from) over (partition by email order by valid_from) as valid_to,
        row_number() over (partition by email order by valid_from) as range_number
    from instants
),

-- a contact comes before a lead, and who had the address first before others
owned as (
    select
        ranges.email,
        ranges.valid_from,
        ranges.valid_to,
        ranges.range_number,
        candidates.contact_id,
        candidates.lead_id,
        coalesce(candidates.surviving_account_id, candidates.account_id) as account_id,
        greatest(
            candidates.known_from, coalesce(candidates.merge_recorded_at, candidates.known_from)
        ) as recorded_at,
        greatest(
            candidates.load_id, coalesce(candidates.merge_load_id, candidates.load_id)
        ) as load_id,
        row_number() over (
            partition by ranges.email, ranges.valid_from
            order by candidates.preference, candidates.created_at, candidates.person_id
        ) as choice
    from ranges
    inner join candidates
        on
            ranges.email = candidates.email
            and ranges.valid_from >= candidates.known_from
            and (ranges.valid_from < candidates.known_until or candidates.known_until is null)
),

final as (
    select
        email,
        -- before an address was known it was already of the one who first had it
        case
            when range_number = 1 then cast('1900-01-01 00:00:00' as timestamp)
            else valid_from
        end as valid_from,
        valid_to,
        contact_id,
        lead_id,
        account_id,
        recorded_at,
        load_id
    from owned
    where choice = 1
)

select * from final
