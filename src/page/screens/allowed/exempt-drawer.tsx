/** Which extensions are not limited now, because of where their phones are registered from. */
import type { ReactNode } from 'react';
import type { ExemptReport } from '../../../api/exempt-routes.ts';
import { useApi } from '../../api/queries.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { Empty, Shown } from '../../parts/states.tsx';
import { allowedTexts } from '../../texts/allowed.ts';

const texts = allowedTexts.exemptList;

export function ExemptDrawer(): ReactNode {
  const found = useApi<readonly ExemptReport[]>('allowlist/exempt');
  return (
    <SideDrawer title={texts.title} closesTo="/allowed-ips">
      <div className="stack">
        <p className="muted">{texts.help}</p>
        <Shown found={found}>
          {(phones) =>
            phones.length === 0 ? (
              <Empty>{texts.empty}</Empty>
            ) : (
              <table className="table">
                <thead>
                  <tr>
                    {[texts.extension, texts.address, texts.entry].map((header) => (
                      <th key={header} scope="col">
                        {header}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {phones.map(({ extension, address, entry, asterisk }) => (
                    <tr key={`${extension} ${address} ${asterisk}`}>
                      <th scope="row">{extension}</th>
                      <td className="mono">{address}</td>
                      <td>{entry}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )
          }
        </Shown>
      </div>
    </SideDrawer>
  );
}
