import type { Reach } from "../revocation/revocation.ts";
import type {
  Account,
  AccountFilter,
  Asked,
  KnownDevice,
  LinkVerdict,
  Operator,
  OwnVerdict,
  PasswordVerdict,
} from "./account.ts";

/** People: registered, confirmed, recognised by their password, changed, disabled, removed. */
export type Accounts = {
  /** Answers alike whether or not the address is known. Throws invalid_request, password_refused, rate_limited, unavailable. */
  register(email: unknown, password: unknown, asked: Asked): Promise<void>;
  /** Uses up the link of a registration or of a change of address. */
  confirm(link: string, operator: Operator): Promise<LinkVerdict>;
  /** One hash whatever is known, one trip to each store. */
  verifyPassword(
    email: unknown,
    password: unknown,
    asked: Asked & { readonly device: KnownDevice | null },
  ): Promise<PasswordVerdict>;
  requestRecovery(email: unknown, asked: Asked): Promise<void>;
  /** Ends every session. Throws password_refused, and then the link lives on. */
  recover(link: string, newPassword: unknown, operator: Operator): Promise<LinkVerdict>;
  /** Every other session ends. */
  changePassword(
    accountId: string,
    passwords: { readonly current: unknown; readonly next: unknown },
    keepSessionId: string | null,
    operator: Operator,
  ): Promise<OwnVerdict>;
  /** The new address is sent a link; nothing changes before it is used, and then every session ends. */
  changeAddress(
    accountId: string,
    password: unknown,
    newEmail: unknown,
    operator: Operator,
  ): Promise<OwnVerdict>;
  /** `password: null`: an operator removes it. */
  remove(accountId: string, password: unknown, operator: Operator): Promise<OwnVerdict>;

  create(
    draft: { email: unknown; password?: unknown; scopes: readonly string[] },
    operator: Operator,
  ): Promise<Account>;
  get(accountId: string): Promise<Account>;
  find(accountId: string): Promise<Account | null>;
  list(filter: AccountFilter): Promise<Account[]>;
  setScopes(
    accountId: string,
    scopes: readonly string[],
    operator: Operator,
  ): Promise<{ account: Account; reach: Reach }>;
  disable(accountId: string, operator: Operator): Promise<{ account: Account; reach: Reach }>;
  enable(accountId: string, operator: Operator): Promise<Account>;
};
