-- Addresses are compared as the services compare them: the letters a to z without their case, all
-- others as they are. What a locale thinks of case (the sign for kelvin is a k) would let one account
-- be asked for under many names, each with its own count of failed sign-ins. users_email stays: nobody
-- registers a look-alike.
CREATE UNIQUE INDEX users_email_exact ON users (lower(email COLLATE "C"));
