-- Sample data: @users accounts and @sessions sessions, the same ones each time. Nobody can log in with them.
SET @most = 10000000 /*M! , SESSION max_recursive_iterations = 10000000 */ /*!80003 , SESSION cte_max_recursion_depth = 10000000 */;

INSERT INTO users (name, email, password, fax, created_at, updated_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < @users)
SELECT CONCAT('Client ', n), CONCAT('client', n, '@example.com'), '!', IF(n % 7 = 0, CONCAT('+33 1 00 00 ', n), NULL),
       '2025-09-03 08:00:00' + INTERVAL n MINUTE, '2025-09-03 08:00:00' + INTERVAL n MINUTE
FROM numbers;

INSERT INTO oauth_access_tokens (id, user_id, name, revoked, created_at, updated_at, expires_at)
SELECT SHA2(CONCAT('token', id), 256), id, 'web', id % 11 = 0, created_at, created_at, created_at + INTERVAL 1 YEAR FROM users;

INSERT INTO user_sessions (user_id, ip_address, user_agent, last_seen_at, revoked_at, created_at, updated_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < @sessions)
SELECT 1 + n % @users, CONCAT('192.0.2.', n % 255), ELT(1 + n % 3, 'Firefox/144.0', 'Chrome/142.0', 'Safari/26.1'),
       '2025-11-15 12:00:00' - INTERVAL n MINUTE, IF(n % 5 = 0, '2025-11-15 12:00:00' - INTERVAL n SECOND, NULL),
       '2025-11-01 00:00:00', '2025-11-15 12:00:00'
FROM numbers;
