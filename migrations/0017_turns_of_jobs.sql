-- Turns are given when runs are created, beside what others have been given by then.
alter table job_lines drop column turn;
