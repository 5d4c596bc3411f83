-- What went back to the buyer. A dispute is told apart from refunds: each says its own amount.
ALTER TABLE topups ADD COLUMN disputed_micro bigint NOT NULL DEFAULT 0;

-- The same of payments that are not known to be a purchase's: Stripe's events come in any order, and a
-- dispute names nothing but the payment.
CREATE TABLE stripe_losses (
    payment_intent text PRIMARY KEY,
    refunded_micro bigint NOT NULL,
    disputed_micro bigint NOT NULL,
    at             timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX stripe_losses_at ON stripe_losses (at);
