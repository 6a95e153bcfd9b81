-- runs_by_turn serves what this one served, in the right order; with both, every move of a run writes one entry more, and
-- statistics that lag behind let Postgres read and sort all that waits.
drop index runs_waiting;
