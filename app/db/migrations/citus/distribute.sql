-- Distributes the register's tables over the nodes of a Citus cluster, by jobcentre.
--
--     psql --single-transaction --set=ON_ERROR_STOP=1 --file=distribute.sql …
--
-- Run as the owner, on a coordinator with the extension, after `rettevej migrate` and before the first trial.
--
-- Tested (tests/db/core/test_catalogue.py): on PostgreSQL itself, with stand-ins for the functions of Citus, the script runs;
-- every table is named once; a distributed table's every primary and unique key holds its column, and its every foreign
-- key leads by that column to a table distributed alike, or to one that every node has; the policies let through what
-- they did, but for a region's figures (below).
--
-- Not tested: anything on Citus. From its sources and issues, what the application would have to change first:
--   * `set_config('app.…', …, true)` (app/db/core/session.py) does not reach the nodes; SET LOCAL does, where
--     citus.propagate_set_commands is 'local'. Without it every policy lets nothing through.
--   * `select … for update|share` must name one jobcentre by equality (app/db/trials/strata.py, app/db/reports/summary.py lock several
--     in one statement).
--   * A snapshot holds for one node: reports over several are cut by the watermark alone.
--   * The guards (person_index, record_key) lie elsewhere than what they guard: each write commits on several nodes.
-- A country of 94 jobcentres does not need it (docs/scale.md).

set citus.enable_unsafe_triggers to on;  -- rows that never change are guarded by triggers; each looks at its rows alone

-- Policies of distributed tables may hold no subquery. A region sees no person; of figures it asks for its jobcentres
-- only by way of the application, whose own check is all that is left for it here.
do $$
declare
    protected record;
begin
    for protected in
        select format('%I.%I', n.nspname, c.relname) as name, c.relname in ('week_count', 'source', 'grant_assessment') as figures,
               exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'version_id') as versions
        from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
        where p.polname = 'sight' and c.relname not in ('batch', 'audit_entry')
    loop
        execute format(
            'alter policy sight on %1$s using (%2$s) with check (%2$s)', protected.name,
            'app_sees_all() or jobcentre_code = any(app_jobcentres())'
            || case when protected.figures then ' or cardinality(app_regions()) > 0'
                    when protected.versions then ' or (jobcentre_code = '''' and client_id = current_setting(''app.client'', true))'
                    else '' end);
    end loop;
end $$;
alter policy sight on audit_entry using (app_sees_all() or jobcentre_code = any(app_jobcentres()));

-- On every node: small, and asked for by every other table.
select create_reference_table('trial');

-- By jobcentre, in the order of their foreign keys: what belongs to a jobcentre lies together.
select create_distributed_table('stratum', 'jobcentre_code');
select create_distributed_table('participant', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('vault.identity', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('screening', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('contact_person', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('assignment', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('participant_change', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('duplicate', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('person_fact', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('cpr_correction', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('correction_person', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('correction_end', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('vault.requested_number', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('conversation', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('activation', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('exemption', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('presence_event', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('support_effort', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('mentor', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('declined_offer', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('outcome', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('source', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('week_count', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('grant_assessment', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('audit_chain', 'jobcentre_code', colocate_with => 'stratum');
select create_distributed_table('audit_entry', 'jobcentre_code', colocate_with => 'stratum');

-- The guards of what is unique across jobcentres: by what they guard.
select create_distributed_table('person_index', 'blind_index', colocate_with => 'none');
select create_distributed_table('drawn_number', 'digest', colocate_with => 'none');
select create_distributed_table('record_key', 'external_id', colocate_with => 'none');

-- These stay on the coordinator: batch (its two keys share no column), release, vault.secret, host_boot, alembic_version.
