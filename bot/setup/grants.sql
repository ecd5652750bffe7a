-- MariaDB, MySQL: look
CREATE USER 'countersign'@'127.0.0.1' IDENTIFIED BY 'a long random password';
GRANT SELECT, SHOW VIEW ON `compte`.* TO 'countersign'@'127.0.0.1';
GRANT PROCESS ON *.* TO 'countersign'@'127.0.0.1';

-- MariaDB: replication
GRANT SLAVE MONITOR ON *.* TO 'countersign'@'127.0.0.1';

-- MySQL: replication
GRANT REPLICATION CLIENT ON *.* TO 'countersign'@'127.0.0.1';

-- MariaDB: backup
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON `compte`.* TO 'countersign'@'127.0.0.1';
GRANT SELECT ON mysql.proc TO 'countersign'@'127.0.0.1';

-- MySQL: backup
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON `compte`.* TO 'countersign'@'127.0.0.1';
GRANT SHOW_ROUTINE ON *.* TO 'countersign'@'127.0.0.1';

-- MariaDB: restore
GRANT ALL ON `compte\_countersign\_%`.* TO 'countersign'@'127.0.0.1';
GRANT SELECT, INSERT, CREATE, DROP, ALTER, INDEX, REFERENCES, LOCK TABLES, CREATE VIEW, SHOW VIEW, TRIGGER, CREATE ROUTINE, ALTER ROUTINE, EVENT
  ON `compte`.* TO 'countersign'@'127.0.0.1';
GRANT SET USER ON *.* TO 'countersign'@'127.0.0.1';

-- MySQL: restore
GRANT ALL ON `compte\_countersign\_%`.* TO 'countersign'@'127.0.0.1';
GRANT SELECT, INSERT, CREATE, DROP, ALTER, INDEX, REFERENCES, LOCK TABLES, CREATE VIEW, SHOW VIEW, TRIGGER, CREATE ROUTINE, ALTER ROUTINE, EVENT
  ON `compte`.* TO 'countersign'@'127.0.0.1';
GRANT SET_ANY_DEFINER ON *.* TO 'countersign'@'127.0.0.1';
GRANT SELECT ON mysql.global_grants TO 'countersign'@'127.0.0.1';
SET PERSIST log_bin_trust_function_creators = 1;

-- MariaDB: rehearsal
CREATE USER 'rehearsal'@'%' IDENTIFIED BY 'a long random password';
GRANT ALL ON `compte\_countersign\_%`.* TO 'rehearsal'@'%' WITH GRANT OPTION;
GRANT CREATE USER ON *.* TO 'rehearsal'@'%';
GRANT SELECT, DROP ON mysql.general_log TO 'rehearsal'@'%';
GRANT SUPER ON *.* TO 'rehearsal'@'%';

-- MySQL: rehearsal
CREATE USER 'rehearsal'@'%' IDENTIFIED BY 'a long random password';
GRANT ALL ON `compte\_countersign\_%`.* TO 'rehearsal'@'%' WITH GRANT OPTION;
GRANT CREATE USER ON *.* TO 'rehearsal'@'%';
GRANT SELECT, DROP ON mysql.general_log TO 'rehearsal'@'%';
GRANT SYSTEM_VARIABLES_ADMIN ON *.* TO 'rehearsal'@'%';
