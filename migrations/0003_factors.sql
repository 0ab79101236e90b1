CREATE TABLE "factor_attempts" (
	"account_id" text NOT NULL,
	"lane" text NOT NULL,
	"failed" integer NOT NULL,
	"blocked_until" timestamp with time zone,
	"last_at" timestamp with time zone NOT NULL,
	CONSTRAINT "factor_attempts_account_id_lane_pk" PRIMARY KEY("account_id","lane")
);
--> statement-breakpoint
CREATE TABLE "factors" (
	"id" text PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"secret" text,
	"credential_id" text,
	"counter" bigint DEFAULT 0 NOT NULL,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"confirmed_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	CONSTRAINT "factors_kind" CHECK ("factors"."kind" in ('totp', 'passkey', 'recovery-codes'))
);
--> statement-breakpoint
CREATE TABLE "spent_challenges" (
	"key" text PRIMARY KEY NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "factor_kinds" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
CREATE INDEX "factors_account" ON "factors" USING btree ("account_id");--> statement-breakpoint
CREATE UNIQUE INDEX "factors_credential" ON "factors" USING btree ("credential_id");--> statement-breakpoint
CREATE UNIQUE INDEX "factors_single" ON "factors" USING btree ("account_id","kind") WHERE confirmed_at is not null and kind <> 'passkey';--> statement-breakpoint
CREATE INDEX "spent_challenges_end" ON "spent_challenges" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "accounts_deleted" ON "accounts" USING btree ("updated_at") WHERE "accounts"."state" = 'deleted';