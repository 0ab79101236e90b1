import { Form } from "../http/form-fields.tsx";
import type { DeviceShown } from "../mfa/remembered-devices.ts";
import { Time } from "./account.page.tsx";
import type { FactorForms } from "./factors.page.tsx";

export type DeviceForms = {
  readonly forget: FactorForms["remove"];
  readonly forgetAll: FactorForms["remove"];
};

/** Where the second step is not asked for. Nothing to see for who has no such device. */
export function DevicesSection(props: { devices: readonly DeviceShown[]; forms: DeviceForms; now: number }) {
  const { devices, forms, now } = props;
  if (devices.length === 0) return null;
  return (
    <section aria-labelledby="devices">
      <h2 id="devices">Remembered devices</h2>
      <p>On these your password alone signs in. Forget those that you do not use or do not know.</p>
      <ul class="rows">
        {devices.map(({ id, name, createdAt, lastUsedAt, expiresAt }) => (
          <li>
            <div>
              <h3>
                <bdi>{name}</bdi>
              </h3>
              <p class="small">
                Remembered <Time at={createdAt} now={now} />
                {" · "}
                {lastUsedAt === null ? "not used yet" : "last used "}
                {lastUsedAt === null ? null : <Time at={lastUsedAt} now={now} />}
                {" · asked again "}
                <Time at={expiresAt} now={Number.POSITIVE_INFINITY} />
              </p>
            </div>
            <Form action={forms.forget.action} token={forms.forget.token}>
              <input type="hidden" name="device" value={id} />
              <button type="submit" aria-label={`Forget: ${name}`}>
                Forget
              </button>
            </Form>
          </li>
        ))}
      </ul>
      <Form action={forms.forgetAll.action} token={forms.forgetAll.token}>
        <button type="submit">Forget all of them</button>
      </Form>
    </section>
  );
}
