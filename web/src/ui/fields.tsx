import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { words } from '../words/index.ts';

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [value: T, label: string])[];
  onChange: (value: T) => void;
}

/** One of several. */
export function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div class="setting inline">
      <label for={id}>{label}</label>
      <select
        id={id}
        class="field"
        value={value}
        onChange={(event) => onChange(event.currentTarget.value as T)}
      >
        {options.map(([one, name]) => (
          <option value={one} selected={one === value}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

interface SwitchProps {
  label: ComponentChildren;
  on: boolean;
  /** The variable of the environment that sets it. */
  fixed?: string | undefined;
  onChange: (on: boolean) => void;
}

/** On or off. */
export function Switch({ label, on, fixed, onChange }: SwitchProps) {
  return (
    <label class="setting inline switch">
      <span>
        {label}
        {fixed !== undefined && <span class="faint"> ({words.value.setBy(fixed)})</span>}
      </span>
      <input
        type="checkbox"
        role="switch"
        checked={on}
        disabled={fixed !== undefined}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </label>
  );
}
