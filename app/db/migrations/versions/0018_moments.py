"""Moments (domain 2): a floor per trial above which everything is registered, and when each host booted.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("select set_config('app.jobcentres', '*', true)")
    for name in ("watermark_floor", "replica_floor"):
        moment = sa.DateTime(timezone=True)
        op.add_column("trial", sa.Column(name, moment, server_default=sa.text("'epoch'"), nullable=False))
        op.execute(f"grant update ({name}) on trial to rettevej_app")
    op.create_table(
        "host_boot",
        sa.Column("host", sa.String(), primary_key=True),
        sa.Column("boot", sa.String(), primary_key=True),
        sa.Column("booted_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute("grant select, insert on host_boot to rettevej_app")
    _raise_floors()
    _complete_withdrawals()
    for function in (_REGISTER_CLOCK, _CLOCK_STEP, _LOCK_STRATA, _AS_OF, _SETTLE):
        op.execute(function)


def _raise_floors() -> None:
    """Set the floors above all that was registered or stated before, ineligible screenings and releases included."""
    op.execute(
        """
        update trial set watermark_floor = greatest(
            clock_timestamp(),
            (select max(last_registered_at) + interval '1 second' from stratum where trial_id = trial.id),
            (select max(watermark) from release where trial_id = trial.id)
        )
        """
    )


def _complete_withdrawals() -> None:
    """Store withdrawals that only the audit trail has: of candidates who were screened again afterwards."""
    op.execute(
        """
        insert into participant_change (jobcentre_code, trial_id, change_id, participant_id, change, registered_at)
        select jobcentre_code, trial_id,
               cast(lpad(to_hex(moment / 1000), 12, '0') || '7' || lpad(to_hex(moment % 1000), 3, '0')
                    || '8' || substr(md5(participant_id || 'withdrawn' || moment), 1, 15) as uuid),
               participant_id, 'withdrawn', at
        from audit_entry join participant using (jobcentre_code, trial_id, participant_id)
        cross join lateral (select cast(floor(extract(epoch from at) * 1000000) as bigint) as moment) as id
        where action = 'participant.withdrawn' and not exists (
            select from participant_change known
            where known.jobcentre_code = audit_entry.jobcentre_code and known.trial_id = audit_entry.trial_id
              and known.participant_id = audit_entry.participant_id and known.change = 'withdrawn'
              and known.registered_at between at - interval '1 minute' and at + interval '1 minute')
        """
    )


_REGISTER_CLOCK = """
    create function register_clock() returns timestamptz language sql volatile as 'select clock_timestamp()'
"""

# The step of a host's wall clock against its time since boot. The first call of a boot stores the reference.
_CLOCK_STEP = """
    create function clock_step(on_host text, of_boot text, at_boot timestamptz) returns interval
    language plpgsql as $$
    declare
        reference timestamptz;
    begin
        select booted_at into reference from host_boot where host = on_host and boot = of_boot;
        if not found then
            insert into host_boot values (on_host, of_boot, at_boot) on conflict do nothing;
            reference := at_boot;
        end if;
        return at_boot - reference;
    end $$
"""

# Each statement of a volatile function has a snapshot of its own: what follows the lock sees what was committed before
# the lock was granted. What belongs to no stratum raises the floor itself, whose row is its lock.
_LOCK_STRATA = """
    create function lock_strata(of_trial text, codes text[], on_host text, of_boot text, at_boot timestamptz)
    returns table (jobcentre text, draws int, balance int, registered_at timestamptz, moment timestamptz,
                   clock timestamptz, step interval)
    language plpgsql as $$
    declare
        clock timestamptz := register_clock();
        step interval := clock_step(on_host, of_boot, at_boot);
        moment timestamptz;
    begin
        perform 1 from stratum s where s.trial_id = of_trial and s.jobcentre_code = any(codes)
        order by s.jobcentre_code for no key update;
        if found then
            select greatest(register_clock(), t.watermark_floor + interval '1 microsecond',
                            (select max(s.last_registered_at) from stratum s
                             where s.trial_id = of_trial and s.jobcentre_code = any(codes)) + interval '1 microsecond')
            into moment from trial t where t.id = of_trial;
        else
            update trial t
            set watermark_floor = greatest(register_clock(), t.watermark_floor + interval '1 microsecond')
            where t.id = of_trial returning t.watermark_floor into moment;
        end if;
        return query
            select cast(s.jobcentre_code as text), s.draws, s.balance, nullif(s.last_registered_at, '-infinity'),
                   moment, clock, step
            from (select 1) as one
            left join stratum s on s.trial_id = of_trial and s.jobcentre_code = any(codes)
            order by s.jobcentre_code;
    end $$
"""

# On the primary it waits for running registrations in these jobcentres, and raises the floor to the watermark that it
# returns. A standby knows of none that runs: it reads as of the moment up to which all of the trial were waited for, and
# allows for the difference of two hosts' clocks.
_AS_OF = """
    create function as_of(of_trial text, codes text[], known_at timestamptz)
    returns table (moment timestamptz, watermark timestamptz, is_latest boolean, ahead boolean, raised boolean)
    language plpgsql as $$
    declare
        is_standby boolean := pg_is_in_recovery();
        latest timestamptz;
        bound timestamptz;
        raised boolean := false;
    begin
        if not is_standby then
            perform 1 from stratum s where s.trial_id = of_trial and s.jobcentre_code = any(codes)
            order by s.jobcentre_code for share;
        end if;
        select nullif(max(s.last_registered_at), '-infinity') into latest
        from stratum s where s.trial_id = of_trial and s.jobcentre_code = any(codes);
        select case when is_standby then t.replica_floor else t.watermark_floor end into bound
        from trial t where t.id = of_trial;
        if not is_standby and latest is not null and least(latest, known_at) > bound then
            update trial t set watermark_floor = greatest(t.watermark_floor, least(latest, known_at))
            where t.id = of_trial returning t.watermark_floor into bound;
            raised := true;
        end if;
        return query
            select least(known_at, bound), case when latest is not null then least(latest, known_at, bound) end,
                   coalesce(latest <= least(known_at, bound), true),
                   greatest(latest, bound) > register_clock() + case when is_standby then interval '5 seconds'
                                                                     else interval '0' end,
                   raised;
    end $$
"""

# Waits for every running registration of the trial: up to the moment that it returns, a standby that has it has all.
_SETTLE = """
    create function settle(of_trial text) returns timestamptz language plpgsql as $$
    declare
        latest timestamptz;
        settled timestamptz;
    begin
        perform 1 from stratum s where s.trial_id = of_trial order by s.jobcentre_code for share;
        select max(s.last_registered_at) into latest from stratum s where s.trial_id = of_trial;
        select t.replica_floor into settled from trial t where t.id = of_trial;
        if latest > settled then
            update trial t
            set watermark_floor = greatest(t.watermark_floor, latest), replica_floor = greatest(t.watermark_floor, latest)
            where t.id = of_trial returning t.replica_floor into settled;
        end if;
        return settled;
    end $$
"""
