-- What a line of a plan passes over: the cooldown of its policy, when a CA wants its certificate renewed at once.
-- Written by: planner (jobs).
alter table job_lines add column despite text;
